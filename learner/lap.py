"""One lap as a command: curate, train and gate from a run folder. Run as: python -m learner.lap RUN_DIR

in    run.json            what to do (`LapSettings`, the model, the champion's folder)
      events/*.parquet    a snapshot of the store
out   progress.json       where it is, at least once a second
      dataset.parquet, judge.parquet, ratings.parquet, judge_ratings.parquet, manifest.json
      figures.jsonl         loss and accuracy of every step
      checkpoints/          what a killed training goes on from, gone after it
      adapter/, gates.json, priorities.json (with active_turns), result.json; or reward/, the reward model of a
      recipe that makes one, and result.json
exit  0 when result.json says what came of it, 1 when the lap failed (result.json says why)
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, cast

from learner.augment import augment
from learner.dataset import Dataset, curate
from learner.gates import GateVerdict, check_questions, run_gates
from learner.judges.given import frozen
from learner.lessons import Lessons
from learner.pair import Pair
from learner.process import ENGINE, bind_to_parent, exit_if_orphaned, yield_to_chat
from learner.progress import Progress, read_json, write_json
from learner.recipes import Engine, Recipe, Task
from learner.recipes.choose import choose
from learner.settings import LapSettings
from learner.side_by_side import Comparison

Outcome = Literal["passed", "rejected", "reward model", "not enough data", "reviewed", "compared", "failed"]


@dataclass(frozen=True)
class Job:
    """The content of `run.json`."""

    run_id: str
    model: str  # a folder or a Hub id
    base: str  # the model's name, for the adapter's card
    champion_name: str
    champion: str | None  # the folder of its adapter; None is the base itself
    settings: LapSettings
    groups: tuple[int, int, int]
    without: tuple[str, ...] = ()  # people whose feedback is left out
    shelf: str = ""  # the folder of earlier datasets, of which a share is replayed
    review_only: int = 0  # answers that the model reads again, and nothing else; 0 is a whole lap
    comparison: Comparison | None = None  # two adapters answer the same prompts, and nothing else

    @classmethod
    def read(cls, folder: Path) -> Job:
        """Read `run.json`."""
        values: dict[str, Any] | None = read_json(folder / "run.json")
        if values is None:
            raise FileNotFoundError(folder / "run.json")
        settings = LapSettings.from_values(values.pop("settings"))
        groups, without = (tuple(values.pop(name)) for name in ("groups", "without"))
        comparison = Comparison.from_values(values.pop("comparison", None))
        return cls(settings=settings, groups=groups, without=without, comparison=comparison, **values)

    def write(self, folder: Path) -> None:
        """Write `run.json`."""
        write_json(folder / "run.json", {**asdict(self), "settings": self.settings.to_values()})


def main(folder: Path) -> int:
    """Run the lap in `folder`, and return the exit code."""
    bind_to_parent()
    job = Job.read(folder)
    yield_to_chat(job.settings.train_threads)
    if Path(job.model).is_dir():
        os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1")
    started = time.monotonic()
    with Progress(folder / "progress.json", on_beat=exit_if_orphaned) as progress:
        try:
            outcome, message, detail = _lap(folder, job, progress)
        except Exception as error:
            outcome, message, detail = "failed", f"{error}", {"error": type(error).__name__}
            _print_traceback(error)
        seconds = round(time.monotonic() - started, 1)
        write_json(
            folder / "result.json",
            {"run_id": job.run_id, "outcome": outcome, "message": message, "seconds": seconds, **detail},
        )
        progress.at("done", message)
    return 1 if outcome == "failed" else 0


def _lap(folder: Path, job: Job, progress: Progress) -> tuple[Outcome, str, dict[str, object]]:
    settings = job.settings
    if job.review_only:
        found, _ = _self_review(folder, job, job.review_only, progress)
        message = f"The model read up to {job.review_only} past answers again: {found} findings."
        return "reviewed", message, {"findings": found}
    if job.comparison is not None:
        return _compare(folder, job, job.comparison, progress)
    progress.at("curate", "Choosing the pairs to learn from.")
    check_questions(settings)  # before the hours of a training
    dataset = curate(
        folder / "events",
        settings,
        groups=job.groups,
        without=frozenset(job.without),
        model=job.model,
        shelf=Path(job.shelf) if job.shelf else None,
    )
    dataset.write(folder)
    counts = {
        "pairs": len(dataset.learn),
        "judge_pairs": len(dataset.judge),
        "ratings": len(dataset.ratings),
        "dataset": dataset.id,
        "dataset_sha256": dataset.sha256,
    }
    judged = frozen(folder, job.groups, job.without, dataset.learn)
    counts["ai_pairs"] = len(judged)
    taught = dataset.lessons()
    found, own = _self_review(folder, job, settings.self_review, progress)
    weighed = [replace(pair, weight=settings.self_review_weight) for pair in own if settings.self_review_weight]
    lessons, made = augment(Lessons([*taught.pairs, *judged, *weighed], taught.ratings), settings)
    recipe, why = choose(lessons, settings)
    if recipe is None:
        return "not enough data", f"Not enough to learn from yet: {why}", counts
    counts |= {"anchor_pairs": len(dataset.anchor), "findings": found, "self_review_pairs": len(weighed)}
    training = _train(folder, job, recipe, lessons, progress)
    trained = {"recipe": recipe.name, "recipe_reason": why, "training": training}
    if recipe.makes == "reward model":
        return "reward model", _of_reward_model(folder, training), {**counts, **trained}
    counts["scored_turns"] = _rank(folder, job, dataset, progress)
    verdicts = _gate(folder, job, dataset, progress)
    passed = all(verdict.passed for verdict in verdicts)
    stopped_by = [verdict.gate for verdict in verdicts if not verdict.passed]
    reasons = " ".join(verdict.reason for verdict in verdicts if verdict.passed == passed)
    if too_long := training["too_long"]:
        reasons = f"{reasons} {too_long} rows were too long for max_model_len, and left out."
    if passed and dataset.approval:
        reasons = f"{reasons} {dataset.approval}"
    more = {"augmented": [asdict(report) for report in made]}
    detail: dict[str, object] = {**counts, **trained, **more, "stopped_by": stopped_by}
    return ("passed" if passed else "rejected"), reasons, {**detail, "gates": [v.to_values() for v in verdicts]}


def _of_reward_model(folder: Path, training: Mapping[str, object]) -> str:
    detail = cast("Mapping[str, Any]", training["detail"])
    held, made = detail["held_out"], f"A reward model is in {folder / 'reward'}; no adapter was trained."
    if held is None:
        return f"{made} Too few people taught it to say how good it is."
    accuracy = f"{held['accuracy']:.3f} of {held['pairs']} pairs of other people"
    return f"{made} It puts the preferred answer first in {accuracy} (95% {held['low']:.3f} to {held['high']:.3f})."


def _engine() -> Engine | None:
    """The engine that the server lends for roll-outs; its key is in no file, and leaves the environment."""
    told = os.environ.pop(ENGINE, "")
    return Engine(**json.loads(told)) if told else None


def _train(folder: Path, job: Job, recipe: Recipe, lessons: Lessons, progress: Progress) -> Mapping[str, object]:
    progress.at("train", "Loading the trainer.")

    def report(step: int, of: int) -> None:
        progress.at("train", f"Training on {len(lessons)} rows by {recipe.name}.", step, of)

    task = Task(
        model=job.model,
        base=job.base,
        lessons=lessons,
        out=folder / "adapter",
        checkpoints=folder / "checkpoints",
        settings=job.settings,
        deadline=time.monotonic() + 60 * job.settings.train_minutes,
        report=report,
        engine=_engine(),
        adapter=Path(job.champion) if job.champion and job.settings.train_from == "champion" else None,
    )
    return asdict(recipe.train(task))


def _self_review(folder: Path, job: Job, count: int, progress: Progress) -> tuple[int, list[Pair]]:
    """How many findings the model made in its past answers, and the pairs that follow; nothing where none are asked."""
    if count == 0:
        return 0, []
    told = "Reading past answers again."
    progress.at("review", told)
    from learner.self_review.run import self_review

    champion = Path(job.champion) if job.champion else None
    found, pairs = self_review(
        folder, job.model, champion, job.settings, count, lambda step, of: progress.at("review", told, step, of)
    )
    return len(found), pairs


def _compare(
    folder: Path, job: Job, comparison: Comparison, progress: Progress
) -> tuple[Outcome, str, dict[str, object]]:
    """Have two adapters answer the same prompts."""
    names = f"{comparison.challenger} and {comparison.champion}"
    told = f"{names} answer the same prompts."
    progress.at("compare", told)
    from learner.side_by_side.run import compare

    asked, items = compare(
        folder, job.model, comparison, job.settings, job.run_id, lambda step, of: progress.at("compare", told, step, of)
    )
    message = f"{names} answered {asked} prompts; {items} answers differ and wait for reviewers, side by side."
    if not asked:
        message = "Nobody of the decide group who agreed has asked anything yet; name a file of prompts instead."
    return "compared", message, {"prompts": asked, "items": items}


def _rank(folder: Path, job: Job, dataset: Dataset, progress: Progress) -> int:
    """Score turns by what a label on them would tell, where that is asked for."""
    if job.settings.active_turns == 0:
        return 0
    progress.at("rank", "Looking for what to ask people next.")
    from learner.active.rank import rank

    def report(step: int, of: int) -> None:
        progress.at("rank", "Looking for what to ask people next.", step, of)

    champion = Path(job.champion) if job.champion else None
    return rank(folder, job.model, champion, folder / "adapter", dataset.learn, job.settings, report)


def _gate(folder: Path, job: Job, dataset: Dataset, progress: Progress) -> list[GateVerdict]:
    progress.at("gates", "Comparing with the champion.")
    from learner.gates.measure import gather

    def report(step: int, of: int) -> None:
        progress.at("gates", "Comparing with the champion.", step, of)

    champion = Path(job.champion) if job.champion else None
    verdicts = run_gates(
        lambda: gather(job.model, champion, folder / "adapter", dataset.judge, job.settings, report), job.settings
    )
    write_json(folder / "gates.json", {"gates": [verdict.to_values() for verdict in verdicts]})
    return verdicts


def _print_traceback(error: Exception) -> None:
    sys.excepthook(type(error), error, error.__traceback__)


if __name__ == "__main__":
    # The supervisor asks with SIGTERM; without a handler Python would end by a signal and skip the last progress.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main(Path(sys.argv[1])))
