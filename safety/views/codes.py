"""Text in a code that needs no key: base64, base32, hexadecimal, percent signs, entities, binary, decimal, Morse."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterator, Sequence
from urllib.parse import unquote

from safety.morse import LETTERS_OF_MORSE
from safety.views.view import Found

LONG = 16  # characters of a word that may be a code
MANY, _ESCAPED = 6, 4  # of the signs of a code that is written character by character
_LEAST = 6  # characters of a text that was hidden
_LEGIBLE = 0.9  # of what was decoded, where it is taken as a whole
_LONGEST_PART = 12  # characters of a legible part, where what stands around it is none

_RUN = re.compile(r"[A-Za-z0-9+/_-]{16,}={0,6}(?:\r?\n[A-Za-z0-9+/_-]{16,}={0,6})*")
_ALL_HEX = re.compile("[0-9A-Fa-f]+")
_BREAKS = re.compile(r"\s+")
_HEX = re.compile(r"(?<![0-9A-Za-z])(?:(?:0x|\\x)?[0-9A-Fa-f]{2}[ :,]?){8,}(?![0-9A-Za-z])")
_ESCAPES = re.compile(r"(?:\\u\{?[0-9A-Fa-f]{4}\}?[ ,]?){4,}")
_PERCENT = re.compile(r"(?:[A-Za-z0-9+._-]{0,3}%[0-9A-Fa-f]{2}){6,}[A-Za-z0-9+._-]*")
_ENTITIES = re.compile(r"(?:&#x?[0-9A-Fa-f]{2,5};[ ]?){6,}")
_BINARY = re.compile(r"(?<!\d)(?:[01]{8}[ ,]?){6,}(?!\d)")
_DECIMAL = re.compile(r"(?<!\d)\d{2,3}(?:[ ,]{1,2}\d{2,3}){7,}(?!\d)")
_MORSE = re.compile(r"(?<![.\w/-])[.-]{1,6}(?:(?: / | {1,3}|/)[.-]{1,6}){8,}(?![.\w/-])")
_PART = re.compile(r"(?:[^\W_]|[ \n.,:;!?'\"()-]){6,}")
_SHORT, _DIGITS = (2, 3, 8), frozenset("0123456789abcdefABCDEF")  # of bytes that stand apart


def may_hold(odd: Sequence[str], text: str) -> bool:
    """Whether there may be a code; cheaper than to look for one. `odd` are the words that are not plain letters."""
    if max(map(len, odd), default=0) >= LONG or text.count("%") >= MANY or text.count("&#") >= MANY:
        return True
    if text.count(".") + text.count("-") > len(text) // 4 or text.count("\\u") >= _ESCAPED:
        return True
    return sum(word[0] in _DIGITS and len(word.rstrip(",")) in _SHORT for word in odd) >= MANY


def codes(text: str) -> Iterator[Found]:
    """Every code that hides something legible, in order and apart."""
    end = 0
    for found in sorted(_all(text)):
        if found.start >= end:
            yield found
            end = found.end


def _all(text: str) -> Iterator[Found]:
    for match in _RUN.finditer(text):
        if (plain := _from_run(match[0])) is not None:
            yield Found(*match.span(), plain)
    for pattern, read in _READERS:
        for match in pattern.finditer(text):
            plain = read(match[0])
            if plain != match[0] and _legible(plain):
                yield Found(*match.span(), plain)


def _from_run(run: str) -> str | None:
    """What is hidden in a run of letters and digits: the reading with the longest legible part.

    Where a run is cut, or something stands before it, its code begins elsewhere: so every place of the first group is
    tried.
    """
    run = _BREAKS.sub("", run)
    bare = run.rstrip("=")
    readings: list[str] = []
    if _ALL_HEX.fullmatch(bare):
        readings += (_bytes(bytes.fromhex(_even(bare[skip:]))) for skip in range(2))
    if (bare.isupper() and bare.isalnum()) or (bare.islower() and bare.isalnum()):
        readings += (_from_base32(bare.upper()[skip:]) for skip in range(8))
    readings += (_from_base64(bare[skip:]) for skip in range(4))
    best = max(map(_worth, readings))
    return best[1] or None


def _worth(plain: str) -> tuple[int, str]:
    if _legible(plain):
        return len(plain), plain
    longest = max((match[0] for match in _PART.finditer(plain)), key=len, default="")
    return (len(longest), longest) if len(longest) >= _LONGEST_PART else (0, "")


def _even(digits: str) -> str:
    return digits[: len(digits) // 2 * 2]


def _bytes(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


def _from_base64(run: str) -> str:
    run = run.replace("-", "+").replace("_", "/")
    run = run[:-1] if len(run) % 4 == 1 else run
    try:
        return _bytes(base64.b64decode(run + "=" * (-len(run) % 4)))
    except (binascii.Error, ValueError):
        return ""


def _from_base32(run: str) -> str:
    run = run[: len(run) - len(run) % 8 + {0: 0, 1: 0, 2: 2, 3: 2, 4: 4, 5: 5, 6: 5, 7: 7}[len(run) % 8]]
    try:
        return _bytes(base64.b32decode(run + "=" * (-len(run) % 8)))
    except (binascii.Error, ValueError):
        return ""


def _from_hex(run: str) -> str:
    return _bytes(bytes.fromhex(_even(re.sub(r"0x|\\x|[ :,]", "", run))))


def _from_escapes(run: str) -> str:
    return "".join(chr(int(code, 16)) for code in re.findall(r"[0-9A-Fa-f]{4}", run))


def _from_entities(run: str) -> str:
    codes = re.findall(r"&#(x?)([0-9A-Fa-f]+);", run)
    numbers = [int(code, 16 if base else 10) for base, code in codes if base or code.isdigit()]
    return "".join(chr(number) for number in numbers if number < 0x11000)


def _from_binary(run: str) -> str:
    return _bytes(bytes(int(octet, 2) for octet in re.findall(r"[01]{8}", run)))


def _from_decimal(run: str) -> str:
    return "".join(chr(int(code)) for code in re.findall(r"\d+", run) if int(code) < 0x110)


def _from_morse(run: str) -> str:
    words = re.split(r" ?/ ?| {2,}", run)
    return " ".join("".join(LETTERS_OF_MORSE.get(letter, "") for letter in word.split(" ")) for word in words)


_READERS: Sequence[tuple[re.Pattern[str], Callable[[str], str]]] = (
    (_HEX, _from_hex),
    (_ESCAPES, _from_escapes),
    (_PERCENT, unquote),
    (_ENTITIES, _from_entities),
    (_BINARY, _from_binary),
    (_DECIMAL, _from_decimal),
    (_MORSE, _from_morse),
)


def _legible(text: str) -> bool:
    if len(text) < _LEAST or not any(map(str.isalpha, text)):
        return False
    plain = sum(letter.isalnum() or letter.isspace() or letter in ".,:;!?'\"-()" for letter in text)
    return plain > _LEGIBLE * len(text)
