"""The contract of recipes: what each is given, what it gives back, and what a run keeps of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from learner.lessons import Lessons
from learner.settings import LapSettings

Report = Callable[[int, int], None]  # (step, of)


@dataclass(frozen=True)
class Engine:
    """An OpenAI-compatible vLLM that takes adapters at run time, for roll-outs; `model` is the base's served name."""

    url: str
    key: str
    model: str


@dataclass(frozen=True)
class Task:
    """What to train on what. `model` is a folder or a Hub id, `base` the name written into the adapter.

    The adapter goes to `out`, what a resumed run needs to `checkpoints`, which is empty at the first start and gone
    after success. `deadline` is an instant of `time.monotonic()`; past it training stops, and what was learned is kept.
    """

    model: str
    base: str
    lessons: Lessons
    out: Path
    checkpoints: Path
    settings: LapSettings
    deadline: float
    report: Report
    engine: Engine | None = None
    adapter: Path | None = None  # one to train on instead of a fresh one


@dataclass(frozen=True)
class Training:
    """What training did; `loss` is the mean over its last tenth, `change` the norm of the adapter's B matrices."""

    rows: int  # as they were drawn by their weights
    too_long: int
    steps: int
    of: int
    seconds: float
    stopped_by_time: bool
    learning_rate: float
    loss: float
    change: float
    detail: Mapping[str, object] = field(default_factory=dict)  # what only this recipe can tell


def task(
    model: str, base: str, lessons: Lessons, folder: Path, settings: LapSettings, deadline: float, report: Report
) -> Task:
    """A task whose adapter and checkpoints are in `folder`."""
    return Task(model, base, lessons, folder / "adapter", folder / "checkpoints", settings, deadline, report)


class Recipe(NamedTuple):
    """A way to train. `lacks` says what the lessons have too little of, and None where the recipe can run.

    `train` raises TrainingFailed where rows are lost on the way or the weights did not change.
    """

    name: str
    lacks: Callable[[Lessons, LapSettings], str | None]
    train: Callable[[Task], Training]
