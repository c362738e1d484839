"""A faked dialogue in which the model has already answered everything, before the request."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random

from safety.redteam.attack import Attack, Messages, assistant, user
from safety.redteam.families.wrapping import texts, wrapped
from safety.redteam.goals import Goal

SHOTS = 12


def attacks(goals: Sequence[Goal], rng: Random) -> Iterator[Attack]:
    """Every goal at the end of a dialogue: as messages of its own, and as one text that looks like a dialogue."""
    said = texts("many_shot")
    shots = [(rng.choice(said["asked"]), rng.choice(said["answered"])) for _ in range(SHOTS)]

    def messages(text: str) -> Messages:
        past = [message for asked, answered in shots for message in (user(asked), assistant(answered))]
        return (*past, user(text))

    def transcript(text: str) -> Messages:
        past = "\n".join(f"Person: {asked}\nAssistant: {answered}" for asked, answered in shots)
        return (user(f"{said['opening']}\n{past}\nPerson: {text}\nAssistant:"),)

    return wrapped("many-shot", goals, {"messages": messages, "transcript": transcript})
