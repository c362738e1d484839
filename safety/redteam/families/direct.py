"""The request as it is: what the filters make of it is the ground on which every other family is seen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random

from safety.redteam.attack import Attack
from safety.redteam.families.wrapping import spoken, wrapped
from safety.redteam.goals import Goal


def attacks(goals: Sequence[Goal], rng: Random) -> Iterator[Attack]:
    """One attack for each goal."""
    return wrapped("direct", goals, {"plain": spoken(str)})
