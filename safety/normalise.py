"""Text as filters should see it: one form of each letter, and nothing invisible."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from functools import cache

Normalised = tuple[str, list[int]]

_PLACES = [*range(4096)]
_ENCLOSED = {
    start + place: letter
    for start in (0x1F150, 0x1F170, 0x1F1E6)  # white on black, in circles and in squares, and the letters of flags
    for place, letter in enumerate("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
}
# Taken apart, these signs would become a space and an accent.
_SIGNS = {0x00B4: "'", 0x00A8: "\u00a8", 0x00AF: "\u00af", 0x00B8: "\u00b8", 0x02DA: "\u02da", 0x02DC: "~"}
_UNSEEN = frozenset({0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180B, 0x180C, 0x180D, 0x180F, 0x2800, 0x3164, 0xFFA0})
_SELECTORS = (
    range(0xFE00, 0xFE10),
    range(0xE0000, 0xE1000),
)  # of variants; of tags, which are letters that nobody sees
_MARKS = (
    range(0x0300, 0x0370), range(0x0483, 0x048A), range(0x1AB0, 0x1B00), range(0x1DC0, 0x1E00), range(0x20D0, 0x2100),
    range(0xFE20, 0xFE30),
)  # fmt: skip


@cache
def _plain(letter: str) -> str:
    code = ord(letter)
    # Cf holds zero-width and bidirectional marks, with which a word can be split unseen.
    if code in _UNSEEN or unicodedata.category(letter) == "Cf" or any(code in group for group in _SELECTORS):
        return ""
    return _ENCLOSED.get(code) or _SIGNS.get(code) or unicodedata.normalize("NFKC", letter)


@cache
def _is_mark(letter: str) -> bool:
    return any(ord(letter) in group for group in _MARKS)


@cache
def _composed(letter: str, mark: str) -> str:
    """The letter with the mark where there is such a letter; else the mark goes, of which many can bury a word."""
    both = unicodedata.normalize("NFC", letter + mark)
    return both if len(both) == 1 else letter


def normalise(text: str) -> Normalised:
    """The text in NFKC without what cannot be seen, and for every character the place in `text` it comes from."""
    if text.isascii():
        return text, _identity(len(text))
    odd = {letter: _plain(letter) for letter in set(text) if letter > "\x7f" and _changes(letter)}
    if not odd:
        return text, _identity(len(text))
    if all(len(plain) == 1 and not _is_mark(letter) for letter, plain in odd.items()):
        return text.translate({ord(letter): plain for letter, plain in odd.items()}), _identity(len(text))
    return _rebuilt(text, odd)


def _rebuilt(text: str, odd: Mapping[str, str]) -> Normalised:
    letters: list[str] = []
    places: list[int] = []
    for place, letter in enumerate(text):
        plain = odd.get(letter)
        if plain is None:
            letters.append(letter)
            places.append(place)
        elif letters and _is_mark(letter):
            letters[-1] = _composed(letters[-1], letter)
        else:
            letters += plain
            places += [place] * len(plain)
    return "".join(letters), [*places, len(text)]


@cache
def _changes(letter: str) -> bool:
    return _plain(letter) != letter or _is_mark(letter)


def _identity(length: int) -> list[int]:
    return _PLACES[: length + 1] if length < len(_PLACES) else [*range(length + 1)]
