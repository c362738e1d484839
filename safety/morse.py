"""International Morse code."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

LETTERS_OF_MORSE: Mapping[str, str] = MappingProxyType({
    ".-": "a", "-...": "b", "-.-.": "c", "-..": "d", ".": "e", "..-.": "f", "--.": "g", "....": "h", "..": "i",
    ".---": "j", "-.-": "k", ".-..": "l", "--": "m", "-.": "n", "---": "o", ".--.": "p", "--.-": "q", ".-.": "r",
    "...": "s", "-": "t", "..-": "u", "...-": "v", ".--": "w", "-..-": "x", "-.--": "y", "--..": "z",
})  # fmt: skip
_MORSE_OF = {letter: code for code, letter in LETTERS_OF_MORSE.items()}


def morse(text: str) -> str:
    """The letters of `text` in Morse code, words apart by a slash."""
    words = (" ".join(_MORSE_OF[letter] for letter in word if letter in _MORSE_OF) for word in text.lower().split())
    return " / ".join(words)
