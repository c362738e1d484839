"""Finds code that harms who runs it, by the patterns in code.toml, for a person to look at."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import regex

from safety.filter import Context, Setup
from safety.filters.partial import contains
from safety.policy import bundled_rules
from safety.verdict import ALLOWED, Span, Verdict

FILE = Path(__file__).with_name("code.toml")
LABEL = "malicious code"
PART, OVERLAP = 8000, 2000  # characters of a long text that are looked at together


class Danger(NamedTuple):
    """One way to harm; without one of `needs`, in small letters, none of the patterns matches."""

    name: str
    note: str
    needs: Sequence[str]
    patterns: Sequence[str]


class Code:
    """Its note says what is dangerous about what it found."""

    version, quick = "1", True

    def __init__(self, setup: Setup | None = None) -> None:
        self.id, self.rules = (setup.name, setup.rules) if setup else ("code", bundled_rules("code"))
        self._dangers = dangers(FILE)

    def check(self, text: str, context: Context) -> Verdict:
        """Find every danger."""
        spans: set[Span] = set()
        notes: dict[str, None] = {}
        for start in range(0, max(1, len(text) - OVERLAP), PART - OVERLAP):
            part = text[start : start + PART]
            small = part.lower()
            for danger in self._dangers:
                if not contains(small, danger.needs):
                    continue
                for match in _compiled(danger).finditer(part):
                    spans.add(Span(match.start() + start, match.end() + start, LABEL))
                    notes[danger.note] = None
        if not spans:
            return ALLOWED
        return self.rules.verdict(context.role, {LABEL: 1.0}, sorted(spans), note="; ".join(notes))


@cache
def dangers(file: Path) -> Sequence[Danger]:
    """What a file tells."""
    table = tomllib.loads(file.read_text(encoding="utf-8"))["danger"]
    return tuple(
        Danger(name, given["note"], tuple(given["needs"]), tuple(given["patterns"])) for name, given in table.items()
    )


@cache
def _compiled(danger: Danger) -> regex.Pattern[str]:
    return regex.compile("|".join(f"(?:{pattern})" for pattern in danger.patterns), regex.IGNORECASE | regex.MULTILINE)
