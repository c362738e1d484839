"""The world of facts: what each question is about and what a right answer to it must state."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent
REFUSALS = frozenset({"out_of_scope", "unknown_detail", "harmful", "unclear"})
TALK = REFUSALS | {"greeting", "thanks", "goodbye", "how_are_you", "identity", "capabilities"}
"""The intents that are about no fact of the shop."""

Fact = tuple[str, ...]
"""Alternatives; one of them is enough."""


@dataclass(frozen=True)
class Intent:
    """What somebody may want: `facts` must all be stated, `numbers` may be stated besides them."""

    name: str
    about: str
    facts: tuple[Fact, ...]
    numbers: tuple[str, ...]


@dataclass(frozen=True)
class World:
    """All intents by name, and by kind of follow-up the facts of every intent that has such a fact."""

    intents: Mapping[str, Intent]
    follow_ups: Mapping[str, Mapping[str, tuple[Fact, ...]]]

    def facts(self, intent: str) -> tuple[Fact, ...]:
        """Facts of an intent (`delivery_time`) or of a follow-up to it (`delivery_time.cost`, `.really`)."""
        name, _, kind = intent.partition(".")
        if kind in ("", "really"):
            return self.intents[name].facts
        return self.follow_ups[kind][name]

    def allowed(self, intent: str) -> str:
        """Every text whose numbers and weekdays an answer to `intent` may contain."""
        base = self.intents[intent.partition(".")[0]]
        facts = (*self.facts(intent), *base.facts)
        return " ; ".join([*(text for fact in facts for text in fact), *base.numbers])


def _facts(entries: list[str]) -> tuple[Fact, ...]:
    return tuple(tuple(alternative.strip() for alternative in entry.split(" | ")) for entry in entries)


@cache
def load_world(path: Path = FOLDER / "world.toml") -> World:
    """Read world.toml; the result is shared, and frozen."""
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    intents = {
        name: Intent(name, entry["about"], _facts(entry["facts"]), tuple(entry.get("numbers", ())))
        for name, entry in table["intents"].items()
    }
    follow_ups = {
        kind: {name: _facts(facts) for name, facts in entries.items()} for kind, entries in table["follow_ups"].items()
    }
    return World(intents, follow_ups)
