"""One recipe on one frozen dataset, without a server and without a store: train, and measure on the rows that judge."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from learner.errors import TrainingFailed
from learner.lesson_files import read_frozen
from learner.lessons import Lessons
from learner.progress import write_json
from learner.recipes import Recipe, Report, Task
from learner.recipes.choose import choose
from learner.settings import LapSettings

if TYPE_CHECKING:
    from learner.training.held_out import HeldOut


@dataclass(frozen=True)
class Taught:
    """What came of it: `measure` on `judged` held-out rows before and after, and the folder of the adapter.

    Of a reward model `before` is what the base's log p per token makes of the same rows."""

    recipe: str
    reason: str
    measure: str
    held_out_before: float | None
    held_out_after: float | None
    judged: int
    seconds: float  # of all, the measuring included
    adapter: str
    training: Mapping[str, object]


def teach(dataset: Path, model: str, base: str, settings: LapSettings, out: Path, report: Report) -> Taught:
    """Train by the recipe that the settings name or the rows suggest, and write adapter/ and result.json into `out`.

    A training that was killed in the same `out` goes on where it was. Raises BadFile, TrainingFailed.
    """
    began = time.monotonic()
    frozen = read_frozen(dataset)
    recipe, reason = choose(frozen.learn, settings)
    if recipe is None:
        raise TrainingFailed(f"Not enough to learn from in {dataset}: {reason}")
    shutil.rmtree(out / "adapter", ignore_errors=True)
    out.mkdir(parents=True, exist_ok=True)
    training = recipe.train(
        Task(
            model=model,
            base=base,
            lessons=frozen.learn,
            out=out / "adapter",
            checkpoints=out / "checkpoints",
            settings=settings,
            deadline=began + 60 * settings.train_minutes,
            report=report,
        )
    )
    made = out / ("adapter" if recipe.makes == "adapter" else "reward")
    found = _held_out(made, recipe, model, frozen.judge, settings)
    taught = Taught(
        recipe=recipe.name,
        reason=reason,
        measure=found.measure,
        held_out_before=found.before,
        held_out_after=found.after,
        judged=found.rows,
        seconds=round(time.monotonic() - began, 1),
        adapter=str(made),
        training=asdict(training),
    )
    write_json(out / "result.json", asdict(taught))
    return taught


def _held_out(made: Path, recipe: Recipe, model: str, judge: Lessons, settings: LapSettings) -> HeldOut:
    from learner.training.held_out import held_out  # torch is loaded only once it is known to be needed
    from learner.training.policy import Policy

    if recipe.makes == "adapter":
        return held_out(Policy.load(model, settings, adapter=made), judge, settings.max_model_len)
    from learner.reward_model import RewardModel

    found = held_out(Policy.load(model, settings), judge, settings.max_model_len)
    if not judge.pairs:
        return found._replace(after=None)
    accuracy = RewardModel.load(made, model, settings).accuracy(judge.pairs, settings.max_model_len)
    return found._replace(measure="preference accuracy of the reward model", after=accuracy)
