"""Letters that look like others, ways to hide a word that a reader undoes, and `folded`, which undoes them all."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from types import MappingProxyType

CYRILLIC: Mapping[str, str] = MappingProxyType(dict(zip("aceijopsxyhBEHKMOPTX", "асеіјорѕхуһВЕНКМОРТХ", strict=True)))
GREEK: Mapping[str, str] = MappingProxyType(dict(zip("aikopuvntABEHKMNOPTXZ", "αικορυνητΑΒΕΗΚΜΝΟΡΤΧΖ", strict=True)))
LEET: Mapping[str, str] = MappingProxyType(dict(zip("aeiostb", "4310578", strict=True)))
ZERO_WIDTH = ("\u200b", "\u200c", "\u2060", "\u00ad")
_PLAIN = {look: letter for table in (CYRILLIC, GREEK) for letter, look in table.items()}
_PLAIN |= {look: letter for letter, look in LEET.items()} | {"@": "a", "$": "s", "!": "i"}
_REPEATED = re.compile(r"(.)\1+")
_OTHER = re.compile("[^a-z]")


def replaced(text: str, table: Mapping[str, str]) -> str:
    """Each letter of the table as the one that stands for it."""
    return "".join(table.get(letter, letter) for letter in text)


def full_width(text: str) -> str:
    """ASCII in the wide forms of East Asian type."""
    return "".join(chr(ord(letter) + 0xFEE0) if "!" <= letter <= "~" else letter for letter in text)


def math_bold(text: str) -> str:
    """Latin letters as the bold ones of mathematics."""
    return _in_script(text, 0x1D400, 0x1D41A)


def circled(text: str) -> str:
    """Latin letters in circles."""
    return _in_script(text, 0x24B6, 0x24D0)


def _in_script(text: str, capital_a: int, small_a: int) -> str:
    """Latin letters as those of an alphabet of Unicode that begins at these two."""
    table = {65 + place: capital_a + place for place in range(26)} | {
        97 + place: small_a + place for place in range(26)
    }
    return text.translate(table)


def folded(text: str) -> str:
    """What a reader makes of `text`, whatever it was hidden in: its letters alone, in lower case, without doubles."""
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text))
    # Looked at once more in lower case: a capital may have a look-alike of its own.
    letters = "".join(_PLAIN.get(letter, _PLAIN.get(letter.casefold(), letter)) for letter in plain)
    return _REPEATED.sub(r"\1", _OTHER.sub("", letters.casefold()))
