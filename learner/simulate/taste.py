"""What simulated people like: features of an answer, and the weights that a file gives them."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

from learner.starter import Question, score

FOLDER = Path(__file__).with_name("tastes")
LONG_WORDS = 80
WARM_WORDS = 8  # with a friendly word in every so many an answer is as warm as can be
_FRIENDLY = re.compile(
    r"!|\b(happy|glad|gladly|love|lovely|sorry|thank|thanks|welcome|pleasure|hope|kind|wonderful|enjoy|of course)\b",
    re.I,
)
_STEP = re.compile(r"^\s*\d+[.)] ", re.MULTILINE)
Part = TypeVar("Part")


class TasteError(Exception):
    """A taste file that cannot be used; the message says where and what to do."""


@dataclass(frozen=True)
class Weights:
    """How much each feature of an answer counts."""

    rightness: float = 0.0
    warmth: float = 0.0
    structure: float = 0.0
    length: float = 0.0


@dataclass(frozen=True)
class PeopleTraits:
    """How people differ: `mood` and `difference` are standard deviations on the scale of the weights."""

    threshold: float = 3.2
    mood: float = 1.7
    difference: float = 0.3


@dataclass(frozen=True)
class Habits:
    """Shares of the answers, in [0, 1]; `flips` is a share of the votes."""

    votes: float = 0.10
    flips: float = 0.15
    rewrites: float = 0.05
    comparisons: float = 0.30


@dataclass(frozen=True)
class Taste:
    """One file of `tastes/`, or one that somebody brought."""

    weights: Weights
    people: PeopleTraits
    habits: Habits


def load_taste(name: str) -> Taste:
    """Read a taste by the name of a bundled one or by the path of a file. Raises TasteError."""
    bundled = FOLDER / f"{name}.toml"
    path = bundled if bundled.exists() else Path(name)
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in FOLDER.glob("*.toml")))
        raise TasteError(f"There is no taste {name!r}: name a TOML file, or one of {known}.")
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise TasteError(f"{path} is not valid TOML: {error}.") from None
    if unknown := set(table) - {"weights", "people", "habits"}:
        known = "[weights], [people] and [habits]"
        raise TasteError(f"{path} has the unknown table [{min(unknown)}]; it may have {known}.")
    weights = _part(Weights, table.get("weights", {}), path, "weights")
    people = _part(PeopleTraits, table.get("people", {}), path, "people")
    habits = _part(Habits, table.get("habits", {}), path, "habits")
    if not all(0 <= getattr(habits, field.name) <= 1 for field in fields(Habits)):
        raise TasteError(f"The [habits] of {path} are shares; each must lie between 0 and 1.")
    return Taste(weights, people, habits)


def features(question: Question, answer: str) -> Weights:
    """The features of an answer, each between 0 and 1."""
    friendly, words = len(_FRIENDLY.findall(answer)), len(answer.split())
    return Weights(
        rightness=float(score(question.intent, answer, question.order).right),
        warmth=min(1.0, WARM_WORDS * friendly / max(1, words)),
        structure=float(len(_STEP.findall(answer)) >= 2),
        length=min(1.0, words / LONG_WORDS),
    )


def _part(kind: type[Part], given: Mapping[str, Any], path: Path, table: str) -> Part:
    names = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    for name, value in given.items():
        if name not in names:
            raise TasteError(f"{path}: [{table}] has no {name!r}; it may have {', '.join(names)}.")
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise TasteError(f"{path}: {name} in [{table}] must be a number.")
    return kind(**{name: float(value) for name, value in given.items()})
