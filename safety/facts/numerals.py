"""Numbers in digits and in English words."""

from __future__ import annotations

import re

_SMALL = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_WORDS = {word: float(at) for at, word in enumerate(_SMALL)}
_WORDS |= {word: 10.0 * at for at, word in enumerate(_TENS, 2)} | {"hundred": 100.0, "dozen": 12.0}
_WORDS |= {"a": 1.0, "an": 1.0, "half a": 0.5, "half an": 0.5}
_UNITS = "|".join(_SMALL[1:10])
_NAMES = rf"(?:{'|'.join(_TENS)})[ -](?:{_UNITS})|(?:(?:{_UNITS}|a) )?hundred|{'|'.join([*_SMALL[1:], *_TENS])}"
NUMBER = rf"(?:\d{{1,3}}(?:,\d{{3}})+(?:\.\d+)?|\d+(?:[.,]\d+)?|\b(?:{_NAMES})\b)"
_NUMBERS = re.compile(rf"(?<![\w.,:]){NUMBER}(?![\w:])", re.IGNORECASE)
_GROUPS = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?")


def number(text: str) -> float:
    """The number that a match of NUMBER stands for. Raises ValueError for anything else."""
    said = text.lower()
    if said[0].isdigit():
        return float(said.replace(",", "") if _GROUPS.fullmatch(said) else said.replace(",", "."))
    if said in _WORDS:
        return _WORDS[said]
    tens, _, units = said.replace("-", " ").partition(" ")
    if tens not in _WORDS or units not in _WORDS:
        raise ValueError(f"{text!r} is no number.")
    return _WORDS[tens] * 100 if units == "hundred" else _WORDS[tens] + _WORDS[units]


def numbers_in(text: str) -> frozenset[float]:
    """Every number of a text, of those that somebody may multiply by: whole, from 2 to 100."""
    found = (number(match[0]) for match in _NUMBERS.finditer(text))
    return frozenset(one for one in found if one.is_integer() and 2 <= one <= 100)
