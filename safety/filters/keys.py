"""Takes access keys out of a text before anybody stores or repeats them."""

from __future__ import annotations

import regex

from safety.filter import Context, Setup
from safety.filters.partial import undecided
from safety.policy import bundled_rules
from safety.verdict import ALLOWED, Span, Verdict

LABEL = "access key"

_KEYS = regex.compile(
    r"\b(?:sk-[A-Za-z0-9_-]{20,}|gh[pousr]_[A-Za-z0-9]{30,}|AKIA[0-9A-Z]{16}|xox[abprs]-[A-Za-z0-9-]{10,})"
)


class Keys:
    """Finds access keys by their published prefixes."""

    version, quick = "2", True

    def __init__(self, setup: Setup | None = None) -> None:
        self.id, self.rules = (setup.name, setup.rules) if setup else ("keys", bundled_rules("keys"))

    def check(self, text: str, context: Context) -> Verdict:
        """Find what is to be taken out."""
        spans = [Span(*match.span(), LABEL) for match in _KEYS.finditer(text)]
        return self.rules.verdict(context.role, {LABEL: 1.0}, spans) if spans else ALLOWED

    def undecided(self, text: str, context: Context) -> int:
        """The beginning of what may become a key."""
        return undecided(_KEYS, text)
