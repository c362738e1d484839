"""From a text to words, and from a word to the numbers of its features."""

from __future__ import annotations

import re
import zlib

from safety.fold import fold, squeeze
from safety.normalise import normalise

NGRAMS = (3, 4)  # bytes
LONGEST_WORD = 40  # characters that are looked at; what is longer is no word
_WORD = re.compile(r"https?:\S+|www\.\S+|@\w+|[^\W\d_](?:[^\W\d_]|(?:'|\*+)(?=[^\W\d_]))*|\d+|[.]+|[!?]+|_+|[^\w\s]")
_LONG_RUN = re.compile(r"(.)\1{2,}")
_RUN = re.compile(r"(.)\1+")


def words(text: str) -> list[str]:
    """The words and marks of `text` in order, folded."""
    return _WORD.findall(fold(squeeze(normalise(text)[0])))


def spelling(word: str) -> str:
    """The word without what says nothing: the digits of a number, the rest of an address, letters drawn out."""
    if word[0].isdigit():
        return "0" * min(len(word), 4)
    if word.startswith(("http:", "https:", "www.")):
        return "http:"
    if word[0] == "@":
        return "@"
    if word[0] in "!?.":
        return word[0] if len(word) == 1 else word[0] + ("?" if "?" in word else word[0])
    return _LONG_RUN.sub(r"\1\1", word[:LONGEST_WORD])


def hashed(text: str) -> int:
    """32 bits that stand for `text`, the same on every machine."""
    return zlib.crc32(text.encode("utf-8", "surrogatepass"))


def ngrams(word: str) -> list[int]:
    """Hashes of the pieces of a spelling, doubled letters counted as one; none for a mark or a number."""
    if not word[0].isalpha():
        return []
    whole = b"<" + _RUN.sub(r"\1", word).encode("utf-8", "surrogatepass") + b">"
    return [zlib.crc32(whole[at : at + size]) for size in NGRAMS for at in range(len(whole) - size + 1)]
