"""Finds requests and answers that leave no doubt, by a short list of patterns kept in terms.toml."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path

import regex

from safety.filter import Context, Setup
from safety.filters.partial import Pattern, undecided
from safety.policy import ROLES, bundled_rules
from safety.verdict import ALLOWED, Span, Verdict

FLAGS = regex.IGNORECASE | regex.DOTALL
NEVER = r"(?!)"
FILE = Path(__file__).with_name("terms.toml")


class Terms:
    """One list of patterns per category and role; the policy says what a match leads to."""

    version, quick = "3", True

    def __init__(self, setup: Setup | None = None, path: Path = FILE) -> None:
        self.id, self.rules = (setup.name, setup.rules) if setup else ("terms", bundled_rules("terms"))
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        self._patterns = {role: _compiled(table.get(role, {})) for role in ROLES}
        # Most texts have none of it, which one look tells.
        self._any = {
            role: regex.compile("|".join(pattern.pattern for pattern in patterns.values()) or NEVER, FLAGS)
            for role, patterns in self._patterns.items()
        }

    def check(self, text: str, context: Context) -> Verdict:
        """Find every category that matches."""
        if self._any[context.role].search(text) is None:
            return ALLOWED
        found = [
            Span(*match.span(), category)
            for category, pattern in self._patterns[context.role].items()
            for match in pattern.finditer(text)
        ]
        return self.rules.verdict(context.role, {span.label: 1.0 for span in found}, found)

    def undecided(self, text: str, context: Context) -> int:
        """The beginning of what may become a match of any category."""
        first = self._any[context.role].search(text, partial=True)
        if first is None or first.start() == len(text):
            return len(text)
        return min((undecided(pattern, text) for pattern in self._patterns[context.role].values()), default=len(text))


def _compiled(table: Mapping[str, list[str]]) -> dict[str, Pattern]:
    return {name: regex.compile("|".join(f"(?:{rule})" for rule in rules), FLAGS) for name, rules in table.items()}
