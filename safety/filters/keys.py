"""Takes access keys out of a text before anybody stores or repeats them."""

from __future__ import annotations

import regex

from safety.filters.partial import undecided
from safety.verdict import ALLOWED, Context, Decision, Finding

_KEYS = regex.compile(
    r"\b(?:sk-[A-Za-z0-9_-]{20,}|gh[pousr]_[A-Za-z0-9]{30,}|AKIA[0-9A-Z]{16}|xox[abprs]-[A-Za-z0-9-]{10,})"
)


class Keys:
    """Finds access keys by their published prefixes."""

    id, version, threshold, quick = "keys", "1", 1.0, True

    def check(self, text: str, context: Context) -> Finding:
        """TRANSFORM when there is something to take out."""
        spans = tuple(match.span() for match in _KEYS.finditer(text))
        return Finding(Decision.TRANSFORM, "access key", 1.0, spans) if spans else ALLOWED

    def undecided(self, text: str, context: Context) -> int:
        """The beginning of what may become a key."""
        return undecided(_KEYS, text)

    def replacement(self, category: str) -> str:
        """The kind of thing that was there."""
        return f"[{category}]"
