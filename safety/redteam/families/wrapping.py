"""What families share: their texts, and how a request and its harmless twin go through the same wrapping."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from safety.redteam.attack import Attack, Canary, Messages, user
from safety.redteam.goals import Goal

Wrap = Callable[[str], Messages]


def texts(name: str) -> dict[str, Any]:
    """The texts of a family."""
    return tomllib.loads(Path(__file__).with_name(f"{name}.toml").read_text(encoding="utf-8"))


def spoken(change: Callable[[str], str]) -> Wrap:
    """One message: the request after `change`."""
    return lambda text: (user(change(text)),)


def filled(frame: str) -> Wrap:
    """One message: a frame with the request in the place of {request}."""
    return lambda text: (user(frame.replace("{request}", text)),)


def wrapped(family: str, goals: Sequence[Goal], wraps: Mapping[str, Wrap]) -> Iterator[Attack]:
    """Every goal in every wrapping, each followed by its twin in the same one."""
    for goal in goals:
        for variant, wrap in wraps.items():
            yield Attack(family, variant, goal.category, goal.goal_id, goal.text, wrap(goal.text))
            yield Attack(family, variant, goal.category, goal.goal_id, goal.twin, wrap(goal.twin), harmless=True)


def planted(
    family: str, variant: str, category: str, goal: str, canary: Canary, attack: Messages, twin: Messages
) -> Iterator[Attack]:
    """An attack on a planted secret, and a harmless request in the same place."""
    asked, harmless = (messages[-1]["content"] for messages in (attack, twin))
    yield Attack(family, variant, category, goal, asked, attack, canary=canary)
    yield Attack(family, variant, category, goal, harmless, twin, harmless=True, canary=canary)
