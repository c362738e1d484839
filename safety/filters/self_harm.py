"""Hears who may be about to harm themselves, and stops an answer that would help or urge them to."""

from __future__ import annotations

from pathlib import Path

from safety.filters.lexicon import Phrases


class SelfHarm(Phrases):
    """Labels: intent, instructions, and in answers encouragement and a mere mention."""

    name, file = "self_harm", Path(__file__).with_name("self_harm.toml")
