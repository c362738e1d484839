"""Finds requests and answers that leave no doubt, by a short list of phrases kept in terms.toml."""

from __future__ import annotations

from pathlib import Path

from safety.filters.lexicon import Phrases


class Terms(Phrases):
    """Labels are kinds of harm; the policy says which category of OpenAI's each is, and what a match leads to."""

    name, file = "terms", Path(__file__).with_name("terms.toml")
