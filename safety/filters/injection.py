"""Finds messages that try to take the assistant over, free it of its rules, or have it tell its system prompt."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from safety.filter import Context
from safety.filters.disguises import decoded, may_be_code, signs
from safety.filters.lexicon import Finding, Phrases, lexicons, verdict
from safety.filters.terms import Terms
from safety.verdict import Verdict

ENCODED = "encoded"
_DEPTH = 2  # codes in codes


class Injection(Phrases):
    """Labels: injection, jailbreak, prompt_extraction, and `encoded` for what was found in a code, other terms too."""

    name, file = "injection", Path(__file__).with_name("injection.toml")

    def check(self, text: str, context: Context) -> Verdict:
        """Find every attempt, also in what a code hides."""
        found = [*self._lexicons[context.role].find(text), *(Finding(*sign) for sign in signs(text))]
        if may_be_code(text):
            found += self._hidden(text, _DEPTH)
        return verdict(found, self.rules, context)

    def undecided(self, text: str, context: Context) -> int:
        """Only messages are looked at, and those come whole."""
        return 0

    def _hidden(self, text: str, depth: int) -> Iterator[Finding]:
        terms = lexicons(Terms.file)["input"]
        for start, end, plain in decoded(text):
            inner = [*self._lexicons["input"].find(plain), *terms.find(plain)]
            inner += self._hidden(plain, depth - 1) if depth > 1 else ()
            score = max((finding.score for finding in inner), default=0.0)
            if score:
                yield Finding(start, end, ENCODED, score)
