"""Text whose letters or whose order were changed: shifted along the alphabet, mirrored in it, or written backwards.

They are known by the commonest words of English, as these then look.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from string import ascii_lowercase as ALPHABET

from safety.views.view import Found

MIRRORED = 26  # in place of a shift: the alphabet from its end, known as Atbash
_LEAST, _SHARE = 2, 0.25  # common words of a part that is in a cipher, and of all its words
_PLAINLY_SHIFTED = 13
_COMMON_WORDS = (
    "the and you all how to me my your is of make what tell for that this with are not do in it on was he she they we "
    "can will would should from have has out get give write show want who where when why which without so if or at by "
    "be about people someone them their her his him its our any but one like know need help into over more some then "
    "than just good best way use using find keep take ignore previous instructions question answer please could here "
    "there these those were been being does did other first after before because through while against between never "
    "always every again under home online step steps"
)
_COMMON = frozenset(_COMMON_WORDS.split())
_SEGMENT = re.compile(r"[^\n:\"\u201c\u201d]+")
_WORD = re.compile(r"[A-Za-z]+")
_EDGE = re.compile(r"\s*(.*?)\s*", re.DOTALL)


def _table(shift: int) -> dict[int, int]:
    other = ALPHABET[::-1] if shift == MIRRORED else ALPHABET[shift:] + ALPHABET[:shift]
    return str.maketrans(ALPHABET + ALPHABET.upper(), other + other.upper())


@cache
def _shifted() -> Mapping[str, Sequence[int]]:
    """By what a common word looks like, the shifts that lead back from it."""
    found: dict[str, list[int]] = {}
    for shift in range(1, MIRRORED + 1):
        table = _table(shift)
        for word in _COMMON:
            # Of words of two letters each shift makes others of that kind; rot13 alone is common enough to mind them.
            if len(word) > 2 or shift == _PLAINLY_SHIFTED:
                look = word.translate(table)
                found.setdefault(look, []).append(shift if shift == MIRRORED else 26 - shift)
    return {look: shifts for look, shifts in found.items() if look not in _COMMON}


_BACKWARDS = frozenset(word[::-1] for word in _COMMON if word[::-1] not in _COMMON and len(word) > 1)


def looks_shifted(word: str) -> bool:
    """Whether a word in small letters looks like a common one that was shifted."""
    return word in _shifted()


def looks_backwards(word: str) -> bool:
    """Whether a word in small letters is a common one from its end."""
    return word in _BACKWARDS


def shifted(text: str) -> Iterator[Found]:
    """Parts of the text that are common words after one and the same shift."""
    known = _shifted()
    for segment in _SEGMENT.finditer(text):
        words = [word.lower() for word in _WORD.findall(segment[0])]
        counts = Counter(shift for word in set(words) for shift in known.get(word, ()))
        shift, distinct = counts.most_common(1)[0] if counts else (0, 0)
        hits = sum(shift in known.get(word, ()) for word in words)
        least = _LEAST if shift == _PLAINLY_SHIFTED else _LEAST + 1
        if hits >= least and distinct >= _LEAST and hits >= _SHARE * len(words):
            yield Found(*segment.span(), segment[0].translate(_table(shift)))


def backwards(text: str) -> Iterator[Found]:
    """Parts that are written from right to left, read so."""
    return _turned(text, lambda part: part[::-1])


def words_backwards(text: str) -> Iterator[Found]:
    """The same parts, with each word turned where it stands."""
    return _turned(text, lambda part: " ".join(word[::-1] for word in part.split(" ")))


def _turned(text: str, turn: Callable[[str], str]) -> Iterator[Found]:
    for segment in _SEGMENT.finditer(text):
        words = [word.lower() for word in _WORD.findall(segment[0])]
        hits = sum(word in _BACKWARDS for word in words)
        plainly = sum(word in _COMMON for word in words)
        if hits >= _LEAST and hits >= _SHARE * len(words) and hits > plainly:
            yield Found(*segment.span(), turn(segment[0]))
