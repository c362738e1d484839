"""The spellings of a text in which words are looked for: as it is, and as it reads once disguises are undone.

Nothing here depends on more of what follows than the word that a letter stands in, so that a growing text never
changes what was decided about its beginning. While a text may go on it is `open`: what stands at its end is then read
as if it were the beginning of a disguise.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache, partial
from typing import NamedTuple

from safety.filters.lookalikes import TABLE
from safety.filters.partial import contains

PREFIX = 3  # letters by which a word is looked up

_Part = tuple[Sequence[tuple[int, str]], str]  # words with their places; a 1 for each that is one letter, else a 0

_WORD = re.compile(rf"\b\w{{1,{PREFIX}}}")
_PARTS, _LONGEST_PART = 50_000, 24  # that are remembered; characters of one
_parts: dict[str, _Part] = {}
_LEET = str.maketrans("03457@8$!|", "oeastabsil")
_SIGNS = "0123456789@$!|"
_ONES = (str.maketrans("1", "i"), str.maketrans("1", "l"))  # a 1 is either
_MIXED = re.compile(r"[a-z]+[0-9@$!|][a-z0-9@$!|]*|[0-9@$]+[a-z][a-z0-9@$!|]*")
_OPEN_MIXED = re.compile(r"(?<![a-z0-9@$!|])[a-z0-9@$!|]*[0-9@$!|][a-z0-9@$!|]*$")
_HAS_MIXED = re.compile(r"[a-z][0-9@$!|]|[0-9@$][a-z]")
_UNIT = re.compile(r"\d+(?:[a-z]{1,2}|min|mins|day|days|hrs|bit|fach)[!|]*|[a-z]+[!|]+")
_GAP = r"[ .\-_*/~,+:]{1,2}"
_APART = re.compile(rf"(?<![a-z0-9])[a-z](?:{_GAP}[a-z](?![a-z0-9])){{2,}}")
_OPEN_APART = re.compile(rf"(?<![a-z0-9])[a-z](?:{_GAP}[a-z])*(?:{_GAP})?$")
_GAPS = re.compile(_GAP)
_KINDS, _STARTS = 4, 2000  # of gaps that are tried; letters from which words are tried without gaps
_ENDS_MIXED = re.compile(r"(?<=[0-9@$!|])[a-z]{1,24}$")
_ENDS_ALONE = re.compile(rf"(?:^|[^a-z0-9])[a-z](?:{_GAP})?$")
_TRIPLES = tuple(letter * 3 for letter in "abcdefghijklmnopqrstuvwxyz")
_TRIPLE = re.compile(r"([a-z])\1\1+")
_OPEN_DOUBLE = re.compile(r"([a-z])\1+$")


class Form(NamedTuple):
    """`places` lead back to the text.

    From `starts` on, letters were joined that stood apart: words that belong apart may stand together there.
    """

    text: str
    places: Sequence[int] | None = None
    starts: Sequence[int] = ()

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
    if open_ and not _may_be_begun(plain):
        return forms(text, False)
    spelt = [plain]
    for disguise in (*_undisguised(plain, False), *(_undisguised(plain, True) if open_ else ())):
        if disguise not in spelt:
            spelt.append(disguise)
    found = [Form(spelling) for spelling in spelt]
    for spelling in spelt:
        found += _tightened(spelling, open_)
    return tuple(found)


def _may_be_begun(plain: str) -> bool:
    last = plain[-1:]
    return (
        last in _SIGNS
        or last == plain[-2:-1]
        or _ENDS_ALONE.search(plain[-4:]) is not None
        or _ENDS_MIXED.search(plain, max(0, len(plain) - 24)) is not None
    )


def _undisguised(plain: str, open_: bool) -> Iterator[str]:
    """With digits and signs inside words read as the letters that they stand for."""
    if not contains(plain, _SIGNS):
        return
    mixed = _HAS_MIXED.search(plain) is not None
    if not mixed and not (open_ and _OPEN_MIXED.search(plain, max(0, len(plain) - 40))):
        return
    for one in _ONES:
        spelling = _MIXED.sub(partial(_letters, one), plain) if mixed else plain
        yield _OPEN_MIXED.sub(partial(_as_letters, one), spelling) if open_ else spelling


def _letters(one: dict[int, int], match: re.Match[str]) -> str:
    return match[0] if _UNIT.fullmatch(match[0]) else _as_letters(one, match)


def _as_letters(one: dict[int, int], match: re.Match[str]) -> str:
    return match[0].translate(_LEET).translate(one)


def _tightened(plain: str, open_: bool) -> Iterator[Form]:
    """With letters that were set apart joined, and letters that were repeated once or twice."""
    apart = [*_APART.finditer(plain)] if "111" in words(plain)[1] else []
    ends_alone = open_ and _ENDS_ALONE.search(plain[-4:]) is not None
    if ends_alone and (last := _OPEN_APART.search(plain, max(0, len(plain) - 200))) is not None:
        apart = [match for match in apart if match.end() <= last.start()] + [last]
    for kind in _kinds(apart):
        yield _joined(plain, apart, kind)
    runs = [*_TRIPLE.finditer(plain)] if contains(plain, _TRIPLES) else []
    doubled = open_ and plain[-1:] == plain[-2:-1]
    if doubled and (double := _OPEN_DOUBLE.search(plain, max(0, len(plain) - 40))) is not None:
        runs = [match for match in runs if match.end() <= double.start()] + [double]
    if runs:
        for kept in (1, 2):
            yield _without(plain, {place for run in runs for place in range(run.start() + kept, run.end())})


def _kinds(apart: Sequence[re.Match[str]]) -> list[str]:
    return list(dict.fromkeys(gap for match in apart for gap in _GAPS.findall(match[0])))[:_KINDS]


def _joined(plain: str, apart: Sequence[re.Match[str]], kind: str) -> Form:
    """With the gaps of one kind taken out; another stands between two words."""
    drop: set[int] = set()
    spaces: set[int] = set()
    for match in apart:
        for gap in _GAPS.finditer(plain, *match.span()):
            wide = gap[0] != kind and gap.end() < match.end()
            drop.update(range(gap.start() + wide, gap.end()))
            spaces.update([gap.start()] if wide else ())
    form = _without("".join(" " if place in spaces else letter for place, letter in enumerate(plain)), drop)
    starts = {place for match in apart for place in range(*match.span())} - drop - spaces
    assert form.places is not None
    return form._replace(starts=[at for at, place in enumerate(form.places) if place in starts][:_STARTS])


def _without(plain: str, drop: set[int]) -> Form:
    places = [place for place in range(len(plain)) if place not in drop]
    text = "".join(plain[place] for place in places)
    return Form(text, [*places, len(plain)])


@lru_cache(maxsize=64)
def words(text: str) -> tuple[Sequence[tuple[int, str]], str]:
    """Where words begin, each with its first letters, and a space where that is all of it; and which are one letter."""
    found: list[tuple[int, str]] = []
    alone: list[str] = []
    at = 0
    for part in text.split(" "):
        known, signs = _parts.get(part) or _learn(part)
        alone.append(signs)
        for offset, first in known:
            found.append((at + offset, first))
        at += len(part) + 1
    if found and (text[-1].isalnum() or text[-1] == "_"):
        found[-1] = found[-1][0], found[-1][1].rstrip()  # the text may go on in the middle of it
    return found, "".join(alone)


def _learn(part: str) -> _Part:
    """The words between two spaces, which are kept: the same come again and again."""
    known = tuple((match.start(), _ENDED.get(match[0], match[0])) for match in _WORD.finditer(part))
    found = known, "".join("1" if len(first.rstrip()) == 1 else "0" for _, first in known)
    if len(part) <= _LONGEST_PART:
        if len(_parts) >= _PARTS:
            _parts.clear()
        _parts[part] = found
    return found


def _ended(letters: str) -> Iterator[tuple[str, str]]:
    for first in letters:
        yield first, first + " "
        for second in letters:
            yield first + second, first + second + " "


_ENDED = dict(_ended("abcdefghijklmnopqrstuvwxyz0123456789"))  # short words are whole: longer ones have three letters
