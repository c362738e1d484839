"""What `./ratchet evaluate` does: which models, on which suites, held against what, and kept where.

The store is opened at the beginning and at the end only, so that a server can start and stop meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from chatbot.control import Control, connect, running_server
from chatbot.errors import UserError
from chatbot.model import Model, locate, remembered
from chatbot.settings import Settings
from learner import BASE, UnknownAdapter
from learner.evaluate import NonInferiority, Suite
from learner.evaluate.child import run
from learner.evaluate.history import held_against, new_folder, weighed
from learner.evaluate.task import Server, Task, read_answers

CHAMPION, NOBODY, SERVER = "champion", "none", "server"
Report = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Target:
    """A model to evaluate: the base or an adapter of it, or what an endpoint serves, whose weights nobody knows."""

    name: str
    weights_sha256: str | None
    adapter: Path | None = None
    endpoint: Server | None = None


@dataclass(frozen=True)
class Result:
    """What came of one suite: the row that was kept, and how it stands against the other model, where there is one."""

    suite: Suite
    values: Mapping[str, Any]
    evaluation_id: str
    comparison: NonInferiority | None = None


@dataclass(frozen=True)
class Outcome:
    """All suites of one command; `gain` is the weighted one, in margins, and None where nothing was compared."""

    target: str
    against: str | None
    results: Sequence[Result]
    gain: float | None

    @property
    def passed(self) -> bool:
        """Whether no suite speaks against the model."""
        return all(one.comparison is None or one.comparison.passed for one in self.results)


@dataclass(frozen=True)
class Wish:
    """What was asked for on the command line. `task` has the suites and the servers, and no model yet."""

    task: Task
    adapter: str
    against: str
    keys: Mapping[str, str]


def evaluate(settings: Settings, wish: Wish, report: Report) -> Outcome:
    """Measure, compare and keep. Raises UserError, LearnerError."""
    model = locate(remembered(settings.home) or settings.text("model"))
    suites, wish = wish.task.load(), _reached(settings, wish)
    with connect(settings) as control:
        target, other = _models(settings, control, model, wish)
        known = _known(control, suites, other)
    begun = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
    task = replace(wish.task, model=str(model.folder), threads=settings.whole("train_threads"))
    kept: list[Result] = []
    if other is not None and (missing := [suite for suite in suites if suite.name not in known]):
        folder = new_folder(settings.home, f"{begun}-against")
        found = _measured(folder, task, other, missing, {}, wish.keys, report)
        with connect(settings) as control:
            for suite in missing:
                first = _keep(control, suite, found[suite.name], other, model, folder, None, None)
                known[suite.name] = {**found[suite.name], "evaluation_id": first.evaluation_id, "folder": str(folder)}
    folder = new_folder(settings.home, begun)
    found = _measured(folder, task, target, suites, known, wish.keys, report)
    compared = {
        suite.name: (suite, held_against(suite, found[suite.name], known[suite.name]))
        for suite in suites
        if suite.name in known
    }
    with connect(settings) as control:
        for suite in suites:
            comparison = compared[suite.name][1] if suite.name in compared else None
            before = known.get(suite.name)
            kept.append(_keep(control, suite, found[suite.name], target, model, folder, comparison, before))
    return Outcome(target.name, other.name if other else None, kept, weighed(compared))


def _reached(settings: Settings, wish: Wish) -> Wish:
    """The wish with the address and the key of the running server, where that is to be asked. Raises NoServer."""
    endpoint = wish.task.endpoint
    if endpoint is None or endpoint.url != SERVER:
        return wish
    url, key = running_server(settings)
    task = replace(wish.task, endpoint=Server(url, endpoint.model))
    return replace(wish, task=task, keys={**wish.keys, "endpoint": wish.keys.get("endpoint") or key})


def _models(settings: Settings, control: Control, model: Model, wish: Wish) -> tuple[Target, Target | None]:
    """The model, and the one that it is held against."""
    champion = str(control.status()["champion"])
    adapters = {str(row["adapter"]): row for row in control.adapters()}

    def named(name: str) -> Target:
        name = champion if name == CHAMPION else name
        if name == BASE:
            return Target(BASE, model.sha256)
        if name not in adapters:
            raise UnknownAdapter(name)
        folder = settings.home / "adapters" / name if adapters[name]["path"] else None
        return Target(name, str(adapters[name]["weights_sha256"]), folder)

    endpoint = wish.task.endpoint
    target = named(wish.adapter) if endpoint is None else Target(endpoint.model, None, endpoint=endpoint)
    other = None if wish.against == NOBODY else named(wish.against)
    return target, None if other is not None and other.name == target.name else other


def _known(control: Control, suites: Sequence[Suite], other: Target | None) -> dict[str, Any]:
    """What the other model came to on the same questions, by suite, where that is known and its answers are there."""
    known: dict[str, Any] = {}
    for suite in suites if other is not None else ():
        assert other is not None
        row = control.latest_evaluation(suite.sha256, other.name, other.weights_sha256)
        if row is not None and _has_answers(Path(row["folder"]), suite):
            known[suite.name] = {**row, "scores": row["detail"]["scores"], "row_ids": row["detail"]["row_ids"]}
    return known


def _has_answers(folder: Path, suite: Suite) -> bool:
    """Answers are needed again by what asks a judge which of two is better, and by nothing else."""
    if not any("against" in metric.needs for metric in suite.metrics):
        return True
    try:
        return bool(read_answers(folder, suite))
    except Exception:
        return False


def _measured(
    folder: Path,
    task: Task,
    target: Target,
    suites: Sequence[Suite],
    known: Mapping[str, Any],
    keys: Mapping[str, str],
    report: Report,
) -> dict[str, Any]:
    this = replace(
        task,
        suites=tuple(str(suite.folder) for suite in suites),
        adapter=str(target.adapter) if target.adapter else None,
        endpoint=target.endpoint,
        against={name: str(row["folder"]) for name, row in known.items()},
    )
    return run(folder, this, keys, lambda suite, done, of: report(f"{target.name}: {suite}", done, of))


def _keep(
    control: Control,
    suite: Suite,
    found: Mapping[str, Any],
    target: Target,
    model: Model,
    folder: Path,
    comparison: NonInferiority | None,
    before: Mapping[str, Any] | None,
) -> Result:
    detail = {name: found[name] for name in ("metrics", "lacking", "row_ids", "scores", "cut_off")}
    if comparison is not None:
        detail["comparison"] = comparison.to_values()
    same = ("suite", "suite_sha256", "metric", "margin", "weight", "rows", "value", "low", "high")
    values = {
        **{name: found[name] for name in same},
        "adapter": target.name,
        "weights_sha256": target.weights_sha256,
        "base": model.name,
        "endpoint": target.endpoint.url if target.endpoint else None,
        "against": str(before["evaluation_id"]) if before else None,
        "passed": comparison.passed if comparison else None,
        "reason": comparison.reason if comparison else "",
        "detail": detail,
        "folder": str(folder),
    }
    return Result(suite, values, control.add_evaluation(values), comparison)


def to_values(outcome: Outcome) -> dict[str, Any]:
    """For JSON."""
    suites = [
        {
            "evaluation_id": one.evaluation_id,
            **{name: value for name, value in one.values.items() if name != "detail"},
            "metrics": one.values["detail"]["metrics"],
            "lacking": one.values["detail"]["lacking"],
            "comparison": asdict(one.comparison) if one.comparison else None,
        }
        for one in outcome.results
    ]
    told = {"adapter": outcome.target, "against": outcome.against, "gain_in_margins": outcome.gain}
    return {**told, "passed": outcome.passed, "suites": suites}


def fitting(names: Sequence[str], settings: Settings) -> list[str]:
    """Of the shipped suites those that are about the model that is served: the starter's own, or all the others."""
    starter = locate(remembered(settings.home) or settings.text("model")).is_starter
    found = [name for name in names if name.startswith("starter-") == starter]
    if not found:
        raise UserError("No suite comes with the project for this model; name one of your own with --suite FOLDER.")
    return found
