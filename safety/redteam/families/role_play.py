"""The request in the mouth of somebody for whom the rules are said not to hold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random

from safety.redteam.attack import Attack
from safety.redteam.families.wrapping import filled, texts, wrapped
from safety.redteam.goals import Goal


def attacks(goals: Sequence[Goal], rng: Random) -> Iterator[Attack]:
    """Every goal in every part that the model is asked to play."""
    return wrapped("role-play", goals, {name: filled(frame) for name, frame in texts("role_play").items()})
