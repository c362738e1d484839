"""Where a pattern may still begin to match: at the end of a text that goes on, the first part may have come already."""

from __future__ import annotations

import regex

Pattern = regex.Pattern[str]


def undecided(pattern: Pattern, text: str) -> int:
    """The first place from which `pattern` would match if the right text followed; the length of `text` if none."""
    end = len(text)
    first = pattern.search(text, partial=True)
    if first is None or first.start() == end:
        return end
    return next((match.start() for match in pattern.finditer(text, partial=True) if match.end() == end), end)
