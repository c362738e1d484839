"""Which parts of a question may be changed, and whether one that was changed still asks the same."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from learner.errors import BadFile
from learner.trust.claims import claims, stated

BANK = Path(__file__).with_name("synonyms.toml")
SHORTEST, LONGEST = 0.4, 2.5  # of a changed question, as a multiple of the words of the first
_WORD = re.compile(r"(?<![\w@./:#<\[&-])[^\W\d_]+(?:'[a-z]+)?(?![\w@/#>\]-]|\.\w|://)")
_NOT = re.compile(r"\b(?:not|no|never|none|nobody|nothing|without|cannot|neither|nor)\b|n't\b", re.IGNORECASE)
Bank = Mapping[str, tuple[str, ...]]


def plain_words(text: str) -> list[tuple[int, int]]:
    """Where the words are that may be changed: none in links, numbers, placeholders, quotes, nor names."""
    held = claims(text)
    quoted = [match.span() for match in re.finditer(r"\"[^\"\n]*\"|“[^”\n]*”|`[^`]*`", text)]
    return [
        match.span()
        for match in _WORD.finditer(text)
        if match[0].lower() not in held
        and not (match[0].isupper() and len(match[0]) > 1)
        and not any(begin <= match.start() < end for begin, end in quoted)
    ]


def strays(before: str, after: str) -> str:
    """Why `after` may not ask the same as `before`; nothing where no reason is seen.

    It sees links, numbers and names that came or went, another "not", and a length that is far off. What it does not
    see is a word whose meaning was missed.
    """
    was, is_ = claims(before), claims(after)
    if any(not stated(claim, after) for claim in was) or any(not stated(claim, before) for claim in is_):
        return "a name, a number or a link came or went"
    if len(_NOT.findall(before)) % 2 != len(_NOT.findall(after)) % 2:
        return "a 'not' came or went"
    words = len(after.split()) / max(1, len(before.split()))
    return "" if SHORTEST <= words <= LONGEST else "it is much longer or shorter"


def synonyms(path: str) -> Bank:
    """For each word of the operator's file, or of the bundled one, the others of its groups. Raises BadFile."""
    return _bank(Path(path).expanduser() if path else BANK)


@cache
def _bank(path: Path) -> Bank:
    try:
        groups = tomllib.loads(path.read_text(encoding="utf-8"))["groups"]
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, KeyError) as error:
        told = f'{path} has no synonyms ({error}); write groups = [["word", "another"]].'
        raise BadFile(told) from None
    others: dict[str, list[str]] = {}
    for group in groups:
        if not isinstance(group, list) or not all(isinstance(word, str) and word.strip() for word in group):
            raise BadFile(f"{path} has a group that is no list of words: {group!r}.")
        for word in group:
            others.setdefault(word.lower(), []).extend(one for one in group if one != word)
    return {word: tuple(found) for word, found in others.items()}
