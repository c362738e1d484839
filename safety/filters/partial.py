"""Where a pattern may still begin to match: at the end of a text that goes on, the first part may have come already."""

from __future__ import annotations

import regex

Pattern = regex.Pattern[str]


def undecided(pattern: Pattern, text: str) -> int:
    """The first place from which `pattern` would match if the right text followed; the length of `text` if none."""
    for match in pattern.finditer(text, partial=True):
        if match.end() == len(text):
            return match.start()
    return len(text)
