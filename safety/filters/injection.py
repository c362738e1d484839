"""Finds messages that try to take the assistant over, free it of its rules, or have it tell its system prompt."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from safety.filter import Context
from safety.filters.disguises import decoded, signs
from safety.filters.lexicon import Finding, Phrases, lexicons, verdict
from safety.filters.terms import Terms
from safety.verdict import Verdict

ENCODED = "encoded"
_DEPTH = 2  # codes in codes
# Without any of it, nothing is in a code: long runs of signs, or words that read backwards or turned by 13 letters.
_MAY_BE_CODE = re.compile(
    r"[A-Za-z0-9+/_-]{20}|(?:[0-9A-Fa-f]{2}[ :,]){8}|(?:[\\%&][0-9A-Za-z#]{2,6};?){4}|[.-]{1,6} [.-]{1,6} [.-]|[01]{8}[ ,][01]{8}"
    r"|\b(?:gur|naq|lbh|nyy|ubj|vtaber|eht|dna|uoy|woh|erongi|rof|era)\b",
    re.IGNORECASE,
)


class Injection(Phrases):
    """Labels: injection, jailbreak, prompt_extraction, and `encoded` for what was found in a code, other terms too."""

    name, file = "injection", Path(__file__).with_name("injection.toml")

    def check(self, text: str, context: Context) -> Verdict:
        """Find every attempt, also in what a code hides."""
        found = [*self._lexicons[context.role].find(text), *(Finding(*sign) for sign in signs(text))]
        if _MAY_BE_CODE.search(text) is not None:
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
