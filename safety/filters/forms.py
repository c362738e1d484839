"""The spellings of a text in which words are looked for: as it is, and as it reads once disguises are undone.

Nothing here depends on more of what follows than the word that a letter stands in, so that a growing text never
changes what was decided about its beginning. While a text may go on it is `open`: what stands at its end is then read
as if it were the beginning of a disguise.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from safety.filters.lookalikes import TABLE

PREFIX = 3  # letters by which a word is looked up

_WORD = re.compile(rf"\b\w{{1,{PREFIX}}}")
_LEET = {"0": "o", "1": "i", "3": "e", "4": "a", "5": "s", "7": "t", "8": "b", "@": "a", "$": "s", "!": "i", "|": "l"}
_MIXED = re.compile(r"[a-z]+[0-9@$!|][a-z0-9@$!|]*|[0-9@$]+[a-z][a-z0-9@$!|]*")
_OPEN_MIXED = re.compile(r"(?<![a-z0-9@$!|])[a-z0-9@$!|]*[0-9@$!|][a-z0-9@$!|]*$")
_HAS_MIXED = re.compile(r"[a-z][0-9@$!|]|[0-9@$][a-z]")
_UNIT = re.compile(r"\d+(?:[a-z]{1,2}|min|mins|day|days|hrs|bit|fach)[!|]*|[a-z]+[!|]+")
_GAP = r"[ .\-_*/~,+:]{1,2}"
_APART = re.compile(rf"(?<![a-z0-9])[a-z](?:{_GAP}[a-z](?![a-z0-9])){{2,}}")
_OPEN_APART = re.compile(rf"(?<![a-z0-9])[a-z](?:{_GAP}[a-z])*(?:{_GAP})?$")
_HAS_APART = re.compile(rf"\b[a-z]{_GAP}[a-z]{_GAP}[a-z]\b")
_GAPS = re.compile(_GAP)
_TRIPLE = re.compile(r"([a-z])\1\1+")
_OPEN_DOUBLE = re.compile(r"([a-z])\1+$")


class Form(NamedTuple):
    """`words` are the places at which words begin, each with its first letters; `places` lead back to the text.

    In a form that is `tight`, words may stand together that were apart.
    """

    text: str
    words: Sequence[tuple[int, str]]
    places: Sequence[int] | None = None
    tight: bool = False

    def place(self, at: int) -> int:
        """A place of the form as one of the text; the end is the end."""
        return at if self.places is None else self.places[at]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """A range of the form as a range of the text that it came from."""
        return (start, end) if self.places is None else (self.places[start], self.places[end - 1] + 1)


def fold(text: str) -> str:
    """Small Latin letters for capital, accented and look-alike ones: one character for each."""
    return text.lower() if text.isascii() else text.translate(TABLE)


@lru_cache(maxsize=64)
def forms(text: str, open_: bool) -> tuple[Form, ...]:
    """The forms of a text, of which most have one."""
    plain = fold(text)
    found = [Form(plain, _words(plain))]
    spelt = [plain]
    for disguise in (_undisguised(plain, False), _undisguised(plain, True) if open_ else plain):
        if disguise not in spelt:
            spelt.append(disguise)
            found.append(Form(disguise, _words(disguise)))
    for base in spelt:
        found += _tightened(base, open_)
    return tuple(found)


def _undisguised(plain: str, open_: bool) -> str:
    """Digits and signs inside words read as the letters that they stand for."""
    if _HAS_MIXED.search(plain) is not None:
        plain = _MIXED.sub(_letters, plain)
    return _OPEN_MIXED.sub(lambda match: _as_letters(match[0]), plain) if open_ else plain


def _letters(match: re.Match[str]) -> str:
    return match[0] if _UNIT.fullmatch(match[0]) else _as_letters(match[0])


def _as_letters(word: str) -> str:
    return "".join(_LEET.get(letter, letter) for letter in word.replace("11", "ll"))


def _tightened(plain: str, open_: bool) -> Iterator[Form]:
    """With letters that were set apart joined, and letters that were repeated once or twice."""
    apart = [*_APART.finditer(plain)] if _HAS_APART.search(plain) else []
    if open_ and (last := _OPEN_APART.search(plain, max(0, len(plain) - 200))) is not None:
        apart = [match for match in apart if match.end() <= last.start()] + [last]
    drop = {place for match in apart for place in _gaps(match)}
    starts = {place for match in apart for place in range(*match.span()) if place not in drop}
    if drop:
        yield _without(plain, drop, starts, tight=True)
    runs = [*_TRIPLE.finditer(plain)]
    if open_ and (double := _OPEN_DOUBLE.search(plain)) is not None:
        runs = [match for match in runs if match.end() <= double.start()] + [double]
    if runs:
        for kept in (1, 2):
            yield _without(plain, {place for run in runs for place in range(run.start() + kept, run.end())}, set())


def _gaps(match: re.Match[str]) -> Iterator[int]:
    for gap in _GAPS.finditer(match.string, *match.span()):
        yield from range(*gap.span())


def _without(plain: str, drop: set[int], starts: set[int], *, tight: bool = False) -> Form:
    places = [place for place in range(len(plain)) if place not in drop]
    text = "".join(plain[place] for place in places)
    words = dict(_words(text))
    for at, place in enumerate(places):
        if place in starts:
            words[at] = text[at]  # what follows may be another word
    return Form(text, sorted(words.items()), [*places, len(plain)], tight)


@lru_cache(maxsize=64)
def _words(text: str) -> Sequence[tuple[int, str]]:
    return [(match.start(), match[0]) for match in _WORD.finditer(text)]
