"""Finds what an answer affirms and a fact denies in nearly the same words, or the other way round."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from safety.facts.sources import Fact
from safety.facts.words import words_of

ALIKE = 0.75  # share of the words of both that both have, from which they speak of the same
LEAST_WORDS = 2
_CLAUSE = re.compile(r"[^\s][^\n]*?(?:[.!?;](?=\s)|, (?=and |but |so )|$)", re.MULTILINE)
_NOT = re.compile(r"\b(?:not|never|cannot)\b(?! only)|n['\u2019]t\b", re.IGNORECASE)
# What is said under a condition, or with a `no` that belongs to one word, is neither affirmed nor denied as a whole.
_OPEN = re.compile(
    r"\b(?:if|unless|until|once|when|whenever|before|after|while|as (?:long|soon) as|whether"
    r"|no|neither|nor|nobody|none|nothing|without|only|except)\b",
    re.IGNORECASE,
)
_SHORT = re.compile(r"\A\W*(yes|no)\b(?=[,.!;:]|\s*\Z)", re.IGNORECASE)


class Denials:
    """The clauses of facts, each with whether it denies something."""

    def __init__(self, facts: Sequence[Fact]) -> None:
        self._of: list[Fact] = []
        denies, sizes, having = [], [], defaultdict[str, list[int]](list)
        for fact in facts:
            for clause in filter(_plain, _CLAUSE.findall(fact.says)):
                words = frozenset(words_of(clause))
                if len(words) >= LEAST_WORDS:
                    for word in words:
                        having[word].append(len(self._of))
                    self._of.append(fact)
                    denies.append(_NOT.search(clause) is not None)
                    sizes.append(len(words))
        self._denies, self._sizes = np.array(denies, dtype=bool), np.array(sizes, dtype=np.float64)
        self._having: dict[str, NDArray[np.intp]] = {
            word: np.array(numbers, dtype=np.intp) for word, numbers in having.items()
        }

    def against(self, words: frozenset[str], denies: bool) -> tuple[float, Fact] | None:
        """The fact that says the opposite, and how alike the words are, if no other says the same as well."""
        if len(words) < LEAST_WORDS or not self._of:
            return None
        shared = np.zeros(len(self._of))
        for word in words:
            if (numbers := self._having.get(word)) is not None:
                shared[numbers] += 1
        alike = shared / (self._sizes + len(words) - shared)
        opposite, same = alike * (self._denies != denies), alike * (self._denies == denies)
        best = int(opposite.argmax())
        if opposite[best] < ALIKE or same.max() >= 0.8 * opposite[best]:
            return None
        return float(opposite[best]), self._of[best]


def claims(answer: str, prompt: str) -> Iterator[tuple[int, int, frozenset[str], bool]]:
    """What an answer affirms or denies: place, words, and whether it denies; a mere `Yes` does as the prompt asks."""
    if (short := _SHORT.match(answer)) is not None:
        denies = (short[1].lower() == "no") != (_NOT.search(prompt) is not None)
        yield short.start(1), short.end(1), frozenset(words_of(prompt)), denies
    for clause in _CLAUSE.finditer(answer):
        text = _SHORT.sub("", clause[0]) if clause.start() == 0 else clause[0]
        if _plain(text):
            end = clause.start() + len(clause[0].rstrip())
            yield clause.start(), end, frozenset(words_of(text)), _NOT.search(text) is not None


def _plain(clause: str) -> bool:
    return not clause.rstrip().endswith("?") and _OPEN.search(clause) is None
