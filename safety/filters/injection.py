"""Finds messages that try to take the assistant over, free it of its rules, or have it tell its system prompt."""

from __future__ import annotations

import re
from pathlib import Path

from safety.filter import Context
from safety.filters.lexicon import Finding, Phrases, verdict
from safety.filters.signs import signs
from safety.verdict import Verdict
from safety.views import UNSEEN

ENCODED, HIDDEN = "encoded", "hidden"
_WORDS, _HINT = 3, 0.6  # from so many unseen words on they are meant for the model; the score of fewer
_WORD = re.compile(r"[^\W\d_]{2,}")


class Injection(Phrases):
    """Labels: injection, jailbreak, prompt_extraction; `encoded`, any of these in a code; `hidden`, unseen text."""

    name, file = "injection", Path(__file__).with_name("injection.toml")

    def check(self, text: str, context: Context) -> Verdict:
        """Find every attempt."""
        found = [*self._lexicons[context.role].find(text), *(Finding(*sign) for sign in signs(text))]
        if context.view:
            found = [one._replace(label=ENCODED) for one in found]
        if context.view == UNSEEN:
            found.append(Finding(0, len(text), HIDDEN, 1.0 if len(_WORD.findall(text)) >= _WORDS else _HINT))
        return verdict(found, self.rules, context)

    def undecided(self, text: str, context: Context) -> int:
        """Only messages are looked at, and those come whole."""
        return 0
