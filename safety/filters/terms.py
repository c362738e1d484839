"""Blocks requests and answers that leave no doubt, by a short list of patterns kept in terms.toml."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path

import regex

from safety.filters.partial import Pattern, undecided
from safety.verdict import ALLOWED, Context, Decision, Finding

FLAGS = regex.IGNORECASE | regex.DOTALL
FILE = Path(__file__).with_name("terms.toml")


class Terms:
    """One list of patterns per category and role; a match in `review` lets pass and asks a person to look."""

    id, version, threshold, quick = "terms", "2", 1.0, True

    def __init__(self, path: Path = FILE) -> None:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        self._rules = {
            (role, decision): _compiled(table.get(role, {}).get(decision, {}))
            for role in ("input", "output")
            for decision in (Decision.BLOCK, Decision.REVIEW)
        }
        # Most texts have none of it, which one look tells.
        self._any = {
            role: regex.compile("|".join(pattern.pattern for pattern in self._patterns(role)), FLAGS)
            for role in ("input", "output")
        }

    def check(self, text: str, context: Context) -> Finding:
        """BLOCK or REVIEW by the first category that matches."""
        if self._any[context.role].search(text) is None:
            return ALLOWED
        for decision in (Decision.BLOCK, Decision.REVIEW):
            for category, pattern in self._rules[context.role, decision].items():
                spans = tuple(match.span() for match in pattern.finditer(text))
                if spans:
                    return Finding(decision, category, 1.0, spans)
        return ALLOWED

    def undecided(self, text: str, context: Context) -> int:
        """The beginning of what may become a match of any category."""
        first = self._any[context.role].search(text, partial=True)
        if first is None or first.start() == len(text):
            return len(text)
        return min((undecided(pattern, text) for pattern in self._patterns(context.role)), default=len(text))

    def _patterns(self, role: str) -> list[Pattern]:
        return [*self._rules[role, Decision.BLOCK].values(), *self._rules[role, Decision.REVIEW].values()]

    def replacement(self, category: str) -> str:
        """Never asked for: this filter does not transform."""
        return f"[{category}]"


def _compiled(table: Mapping[str, list[str]]) -> dict[str, Pattern]:
    return {name: regex.compile("|".join(f"(?:{rule})" for rule in rules), FLAGS) for name, rules in table.items()}
