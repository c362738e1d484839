"""Takes words apart that were written together, as in "howtomakeit" and where letters set apart were joined."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

LEAST, MOST = 12, 400  # letters of a word that may be several
_PARTS, _LONGEST_PART = 3, 16  # words at least: of two, as in "therapist", the word itself may be meant; letters of one
_KEPT = 4096  # words whose parts are remembered
_SHORT = frozenset("a i am an as at be by do go he if in is it me my no of on or so to up us we".split())  # noqa: SIM905
_COMMON = _SHORT.union("the and how you for can will what who they your with want make get".split())  # noqa: SIM905
_COMMON_COSTS, _COSTS = 0.9, {1: 1.5, 3: 1.5}  # of a part, by its letters; of a longer one, 1
_DEAREST = 0.4  # of a letter: above it the parts are too short to be what was meant


class Spaced:
    """`knows` says whether there is such a word."""

    def __init__(self, knows: Callable[[str], bool]) -> None:
        self._knows = knows
        self._parts: dict[str, Sequence[str]] = {}

    def words(self, found: Sequence[str]) -> Sequence[str]:
        """The words, in place of each that is unknown and long those that it is made of, if it is."""
        if all(len(word) < LEAST for word in found):
            return found
        return [part for word in found for part in (self._apart(word) if len(word) >= LEAST else (word,))]

    def _apart(self, word: str) -> Sequence[str]:
        parts = self._parts.get(word)
        if parts is None:
            if len(self._parts) >= _KEPT:
                self._parts.clear()
            parts = self._parts[word] = self._found(word) or (word,)
        return parts

    def _found(self, word: str) -> Sequence[str] | None:
        if self._knows(word):
            return None
        word = word.replace("'", "").replace("*", "")
        if not word.isalpha() or len(word) > MOST:
            return None
        # The cheapest way to each place, as its cost and where its last part begins.
        ways: dict[int, tuple[float, int]] = {0: (0.0, 0)}
        for start in range(len(word)):
            if start not in ways:
                continue
            for end in range(start + 1, min(len(word), start + _LONGEST_PART) + 1):
                cost = ways[start][0] + self._cost(word[start:end])
                if cost < ways.get(end, (float("inf"), 0))[0]:
                    ways[end] = cost, start
        cost, end = ways.get(len(word), (float("inf"), 0))[0], len(word)
        parts = [*_back(word, ways)] if cost < _DEAREST * end else []
        return parts if len(parts) >= _PARTS else None

    def _cost(self, part: str) -> float:
        if part in _COMMON:
            return _COSTS[1] if len(part) == 1 else _COMMON_COSTS
        return _COSTS.get(len(part), 1.0) if len(part) > 2 and self._knows(part) else float("inf")


def _back(word: str, ways: dict[int, tuple[float, int]]) -> Iterable[str]:
    parts, end = [], len(word)
    while end:
        start = ways[end][1]
        parts.append(word[start:end])
        end = start
    return reversed(parts)
