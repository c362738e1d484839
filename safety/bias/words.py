"""Words put into sentences: the article before one, a capital in front, and rules that rewrite a text."""

from __future__ import annotations

import re
from collections.abc import Sequence

Rule = tuple[re.Pattern[str], str]

# Spoken with a consonant first, although written with a vowel; and the other way round.
_CONSONANT = re.compile(r"(?:uni(?!n|m)|us[aeiu]|ut[ei]|eu|ewe|one\b|once|ukr|ug[ao]|uru)", re.IGNORECASE)
_VOWEL = re.compile(r"(?:[aeiou]|hones|hono|hour|heir|8|11(?!\d)|18(?!\d))", re.IGNORECASE)


def with_article(phrase: str) -> str:
    """`phrase` after "a" or "an", by how its first word is spoken."""
    vowel = _VOWEL.match(phrase) and not _CONSONANT.match(phrase)
    return f"{'an' if vowel else 'a'} {phrase}"


def capital(text: str) -> str:
    """`text` with a capital in front."""
    return text[:1].upper() + text[1:]


def compiled(rules: Sequence[tuple[str, str]]) -> tuple[Rule, ...]:
    """Rules of regular expression and replacement, in their order. Raises re.error."""
    made = []
    for pattern, replacement in rules:
        rule = re.compile(pattern)
        rule.sub(replacement, "")
        made.append((rule, replacement))
    return tuple(made)


def rewritten(text: str, rules: Sequence[Rule]) -> str:
    """`text` after every rule, with a capital in front where it had one."""
    changed = text
    for pattern, replacement in rules:
        changed = pattern.sub(replacement, changed)
    return capital(changed) if text[:1].isupper() else changed
