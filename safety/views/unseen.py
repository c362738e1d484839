"""Text in characters that nobody sees: tags, which mirror ASCII, and selectors of variants, which can hold bytes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from safety.views.view import Found

# A flag such as Scotland's is a black flag, small letters in tags, and the tag that ends them.
_FLAG = r"\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{1,6}\U000e007f"
_TAGS = re.compile(rf"{_FLAG}|([\U000e0020-\U000e007f]{{3,}})")
_SELECTORS = re.compile(r"[\ufe00-\ufe0f\U000e0100-\U000e01ef]{4,}")
_TAG, _FIRST, _SECOND = 0xE0000, 0xFE00, 0xE0100


def unseen(text: str) -> Iterator[Found]:
    """What is hidden so in a text as it came."""
    if text.isascii():
        return
    found = [Found(*match.span(), _of_tags(match[1])) for match in _TAGS.finditer(text) if match[1]]
    found += (Found(*match.span(), plain) for match in _SELECTORS.finditer(text) if (plain := _of_bytes(match[0])))
    yield from sorted(found)


def _of_tags(run: str) -> str:
    return "".join(chr(ord(letter) - _TAG) for letter in run if letter != "\U000e007f")


def _of_bytes(run: str) -> str:
    """Each selector stands for a byte: the first sixteen, and from the supplement on the others."""
    codes = [ord(letter) for letter in run]
    raw = bytes(code - _FIRST if code < _SECOND else code - _SECOND + 16 for code in codes)
    plain = raw.decode("utf-8", "replace")
    return plain if plain.isprintable() and len(set(plain)) > 1 else ""
