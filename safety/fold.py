"""Folds the spellings that evade a filter: look-alike letters, digits for letters, letters set apart."""

from __future__ import annotations

import re
import unicodedata

# Letters of other scripts that look like Latin ones; those with an accent follow from Unicode's own tables.
_CYRILLIC = ("абвгдеёзийкмнопрстухыьѕіјһԁԛԝѵ", "a6brдeeзuukmhonpctyxыbsijhdqwv")
_GREEK = ("αβγεζηικνορτυχωϲϳ", "abyeznikvoptuxwcj")
_OTHERS = ("ɑɡɩıɪʏʀɴʟʜƅɓʙᴀᴄᴅᴇᴊᴋᴍᴏᴘᴛᴜᴠᴡᴢøłđßʼ’‘ʻ“”", "agiiiyrnlhbbbacdejkmoptuvwzoldb''''\"\"")
_REGIONAL = {0x1F1E6 + place: chr(97 + place) for place in range(26)}
_BOXED = {start + place: chr(97 + place) for start in (0x1F130, 0x1F150, 0x1F170) for place in range(26)}

_DIGITS = {"0": "o", "1": "i", "3": "e", "4": "a", "5": "s", "7": "t", "8": "b", "@": "a", "$": "s", "!": "i", "|": "l"}
# Tried at the beginning of a run alone and without going back, or a long run would take its length squared.
_DISGUISED = re.compile(r"(?<![a-z0-9@$!|])[a-z]*+[0-9@$!|][a-z0-9@$!|]*+")
_WORD_PART = re.compile(r"[a-z]")
_BEFORE = re.compile(r"(?<=[a-z])[0-9@$!|]+(?=[a-z])|^@(?=ss)|^[0-9$](?=[a-z]{3})|(?<=[a-z])(?:0|\$+|11|55)$")
_UNITS = re.compile(
    r"\d+(?:st|nd|rd|th|[a-z]{1,2}|am|pm|mins?|min|days?|hours?|hrs?|years?|weeks?|months?|secs?|bit|px)$"
)
_APART = re.compile(
    r"(?<![^\W_])[^\W_](?P<gap> ?[.\-_*/|~,+:] ?|[ \t])[^\W_](?:(?P=gap)[^\W_])+(?![^\W_])",
)
_GAPS = re.compile(r"[ \t.\-_*/|~,+:]+")


def _folded(letter: str) -> str:
    """The Latin letter without accent that `letter` is made of, or nothing for an accent that stands alone."""
    if unicodedata.category(letter) == "Mn":
        return ""
    base = unicodedata.normalize("NFKD", letter)[:1].lower()
    return base if len(base) == 1 and (base.isascii() or base in _LOOKALIKE) else letter.lower()[:1]


_LOOKALIKE = {
    there: here for others, latin in (_CYRILLIC, _GREEK, _OTHERS) for there, here in zip(others, latin, strict=True)
}


class _Table(dict[int, str]):
    """What each character becomes, found out once for each that occurs."""

    def __missing__(self, code: int) -> str:
        plain = _folded(chr(code))
        plain = _LOOKALIKE.get(plain, plain)
        self[code] = plain
        return plain


_TABLE = _Table({**_REGIONAL, **_BOXED})


def fold(text: str) -> str:
    """`text` in small Latin letters without accents, look-alikes and digits inside words folded into letters.

    One character for one, but for accents that are characters of their own, which go.
    """
    plain = text.lower() if text.isascii() else text.translate(_TABLE)
    return _DISGUISED.sub(_undisguised, plain)


def _undisguised(match: re.Match[str]) -> str:
    word = match[0]
    if not _WORD_PART.search(word) or _UNITS.match(word):
        return word
    if "@" in word and match.string[match.end() : match.end() + 1] == ".":
        return word  # an address
    return _BEFORE.sub(_letters, word)


def _letters(match: re.Match[str]) -> str:
    digits = match[0]
    if digits in ("11", "|1", "1|"):
        return "ll"
    return "".join(_DIGITS.get(digit, digit) for digit in digits)


def squeeze(text: str) -> str:
    """`text` with three or more single letters that stand apart, as in "k i l l" or "k.i.l.l", joined to a word."""
    return _APART.sub(_joined, text)


def _joined(match: re.Match[str]) -> str:
    word = _GAPS.sub("", match[0])
    return word if sum(map(str.isalpha, word)) * 2 > len(word) else match[0]
