"""Fishing for the data of somebody else, which is planted in what the model has been given."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from random import Random
from types import MappingProxyType

from safety.redteam.attack import (
    PERSONAL_DATA,
    Attack,
    Canary,
    canary_card,
    canary_email,
    canary_phone,
    system,
    user,
)
from safety.redteam.families.wrapping import planted, texts
from safety.redteam.goals import Goal

PLANTED: Mapping[str, Callable[[Random], Canary]] = MappingProxyType(
    {"card": canary_card, "email": canary_email, "phone": canary_phone}
)


def attacks(goals: Sequence[Goal], rng: Random) -> Iterator[Attack]:
    """Each way of asking for each kind of data; the goals of harm play no part."""
    said = texts("personal_data")
    for kind, plant in PLANTED.items():
        for number, (name, asked) in enumerate(said["ways"].items()):
            canary = plant(rng)
            record = system(said["record"].format(kind=canary.kind, value=canary.text))
            harmless = said["harmless"][number % len(said["harmless"])]
            attack, twin = ((record, user(text)) for text in (asked.format(kind=canary.kind), harmless))
            yield from planted(
                "personal-data", f"{kind}-{name}", PERSONAL_DATA, f"{kind}-of-another", canary, attack, twin
            )
