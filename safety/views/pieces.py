"""Text that was cut into pieces to be put together: at the ends of lines, inside words, or as strings of a program."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from safety.views.view import Found

_HYPHENATED = re.compile(r"(?<=[^\W\d_])[-\u00ad\u2010][ \t]*\r?\n[ \t]*(?=[^\W\d_])")
_SIGNS = r"[-._*|/~+\u00b7\u2022]"
_CUT = re.compile(rf"(?<![^\W_])[^\W\d_]{{1,4}}(?:{_SIGNS}[^\W\d_]{{1,4}})+(?![^\W_])")
_CUT_SIGN = re.compile(_SIGNS)
_CUT_WORDS, _CUT_SHARE = 2, 0.2  # words that are cut, and of all words
_STRING = r"(?:\"([^\"\n]{0,80})\"|'([^'\n]{0,80})')"
_ASSIGNED = re.compile(rf"\b([A-Za-z_]\w{{0,15}})\s*(?::?=)\s*{_STRING}")
_TERM = rf"(?:{_STRING}|[A-Za-z_]\w{{0,15}})"
_SUM = re.compile(rf"{_TERM}(?:\s*[+&.]\s*{_TERM})+")
_ONE = re.compile(rf"{_STRING}|([A-Za-z_]\w{{0,15}})")
_QUOTES = 4


def may_be_cut(text: str, odd: Sequence[str], words: int) -> bool:
    """Whether something may have been cut; cheaper than to put it together.

    `odd` are those of the so many words that are not plain letters.
    """
    if "\n" in text and _HYPHENATED.search(text) is not None:
        return True
    if text.count('"') + text.count("'") >= _QUOTES and ("+" in text or "&" in text or " . " in text):
        return True
    return len(odd) >= max(_CUT_WORDS, _CUT_SHARE * words)


def joined(text: str) -> list[Found]:
    """What was cut, in one piece; in order and apart."""
    found = [*(Found(*match.span(), "") for match in _HYPHENATED.finditer(text)), *_sums(text), *_words(text)]
    apart: list[Found] = []
    for one in sorted(found):
        if not apart or one.start >= apart[-1].end:
            apart.append(one)
    return apart


def _words(text: str) -> Iterator[Found]:
    cut = [*_CUT.finditer(text)]
    if len(cut) >= max(_CUT_WORDS, _CUT_SHARE * len(text.split())):
        for match in cut:
            yield Found(*match.span(), _CUT_SIGN.sub("", match[0]))


def _sums(text: str) -> Iterator[Found]:
    named = {match[1]: match[2] or match[3] or "" for match in _ASSIGNED.finditer(text)}
    for match in _SUM.finditer(text):
        terms = [_value(term, named) for term in _ONE.finditer(match[0])]
        if None not in terms and sum(map(len, filter(None, terms))) > 2:
            yield Found(*match.span(), "".join(filter(None, terms)))


def _value(term: re.Match[str], named: Mapping[str, str]) -> str | None:
    return named.get(term[3]) if term[3] else term[1] or term[2] or ""
