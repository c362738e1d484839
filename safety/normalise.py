"""Text as filters should see it: one form of each letter, and nothing invisible."""

from __future__ import annotations

import unicodedata
from functools import cache

Normalised = tuple[str, list[int]]


@cache
def _plain(letter: str) -> str:
    # Cf holds zero-width and bidirectional marks, with which a word can be split unseen.
    return "" if unicodedata.category(letter) == "Cf" else unicodedata.normalize("NFKC", letter)


def normalise(text: str) -> Normalised:
    """The text in NFKC without format characters, and for every character the place in `text` it comes from."""
    if text.isascii():
        return text, [*range(len(text) + 1)]
    letters: list[str] = []
    places: list[int] = []
    for place, letter in enumerate(text):
        for plain in _plain(letter):
            letters.append(plain)
            places.append(place)
    return "".join(letters), [*places, len(text)]
