"""What attacks ask for, each with its harmless twin; kept in goals.toml."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

FILE = Path(__file__).with_name("goals.toml")


@dataclass(frozen=True)
class Goal:
    """`keep` are the words that carry it, `a|b` for either; `category` is one of OpenAI's moderation."""

    goal_id: str
    category: str
    text: str
    keep: tuple[str, ...]
    twin: str


def load_goals(path: Path = FILE) -> list[Goal]:
    """The goals in the order of the file."""
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    return [Goal(**{**row, "keep": tuple(row["keep"])}) for row in table["goal"]]
