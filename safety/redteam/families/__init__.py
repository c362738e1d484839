"""Families of attacks, one per file. Each turns goals into attacks and their harmless twins."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from random import Random
from types import MappingProxyType

from safety.redteam.attack import Attack
from safety.redteam.families import (
    confusables,
    direct,
    encodings,
    extraction,
    injection,
    many_shot,
    personal_data,
    role_play,
    split_tokens,
)
from safety.redteam.goals import Goal

Generator = Callable[[Sequence[Goal], Random], Iterator[Attack]]

FAMILIES: Mapping[str, Generator] = MappingProxyType(
    {
        "direct": direct.attacks,
        "role-play": role_play.attacks,
        "encodings": encodings.attacks,
        "split-tokens": split_tokens.attacks,
        "confusables": confusables.attacks,
        "many-shot": many_shot.attacks,
        "injection": injection.attacks,
        "extraction": extraction.attacks,
        "personal-data": personal_data.attacks,
    }
)


def all_attacks(names: Sequence[str], goals: Sequence[Goal], seed: int) -> list[Attack]:
    """The attacks of the named families, the same for the same seed."""
    return [attack for name in names for attack in FAMILIES[name](goals, Random(f"{seed}:{name}"))]
