"""One evaluation as a command. Run as: python -m learner.evaluate FOLDER

See `task.py` for what is in the folder. It exits with 1 when result.json says why nothing was measured.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from learner.errors import EvaluationFailed, LearnerError
from learner.evaluate.endpoint import Endpoint
from learner.evaluate.measure import Scored, score
from learner.evaluate.metrics import Tools
from learner.evaluate.row import Answer
from learner.evaluate.suite import Suite
from learner.evaluate.task import KEYS, PROGRESS, RESULT, Server, Task, read_answers, write_answers
from learner.judges import Cache, JudgeServer, ModelJudge, load_rubric
from learner.process import bind_to_parent, exit_if_orphaned, yield_to_chat
from learner.progress import write_json

Ask = Callable[[Suite, Callable[[int, int], None]], Sequence[Answer]]


def main(folder: Path) -> int:
    """Evaluate what task.json in `folder` says, and return the exit code."""
    bind_to_parent()
    began = time.monotonic()
    try:
        task = Task.read(folder)
        yield_to_chat(task.threads)
        if task.endpoint is None and Path(task.model).is_dir():
            os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1")
        told: dict[str, Any] = {"outcome": "done", "suites": _evaluate(folder, task)}
    except Exception as error:
        told = {"outcome": "failed", "message": str(error), "error": type(error).__name__}
        if not isinstance(error, LearnerError):
            sys.excepthook(type(error), error, error.__traceback__)
    write_json(folder / RESULT, {**told, "seconds": round(time.monotonic() - began, 1)})
    return 0 if told["outcome"] == "done" else 1


def _evaluate(folder: Path, task: Task) -> dict[str, Any]:
    keys = {name: os.environ.pop(variable, "") for name, variable in KEYS.items()}
    suites = task.load()
    ask, found = _asker(task, keys), {}
    for suite in suites:

        def report(done: int, of: int, name: str = suite.name) -> None:
            exit_if_orphaned()
            write_json(folder / PROGRESS, {"suite": name, "done": done, "of": of})

        report(0, len(suite.rows))
        answers = ask(suite, report)
        write_answers(folder, suite, answers)
        scored = score(suite, answers, _tools(task, keys, suite, folder))
        found[suite.name] = to_values(scored, answers)
    return found


def to_values(scored: Scored, answers: Sequence[Answer]) -> dict[str, Any]:
    """What is kept of a suite: its hash, its rows, every metric, and the scores of the one that decides."""
    suite, decides = scored.suite, scored.decides
    return {
        "suite": suite.name,
        "suite_sha256": suite.sha256,
        "metric": suite.metric.name,
        "margin": suite.margin,
        "weight": suite.weight,
        "rows": len(suite.rows),
        **decides.interval._asdict(),
        "metrics": {one.metric.name: one.to_values() for one in (decides, *scored.also)},
        "lacking": scored.lacking,
        "row_ids": [row.id for row in suite.rows],
        "scores": decides.scores.to_values(),
        "cut_off": sum(not all(one.ended) for one in answers),
    }


def _asker(task: Task, keys: dict[str, str]) -> Ask:
    if task.endpoint is not None:
        return Endpoint(task.endpoint.url, task.endpoint.model, keys["endpoint"], task.at_once).answers
    from learner.evaluate.offline import Offline

    adapter = Path(task.adapter) if task.adapter else None
    return Offline(task.model, adapter, time.monotonic() + 60 * task.minutes).answers


def _tools(task: Task, keys: dict[str, str], suite: Suite, folder: Path) -> Tools:
    def endpoint(server: Server, name: str) -> Endpoint:
        return Endpoint(server.url, server.model, keys[name], task.at_once)

    judge, embeddings, against = task.judge, task.embeddings, task.against.get(suite.name)
    compare = None
    if judge is not None:
        server = JudgeServer(judge.url, judge.model, keys["judge"], task.at_once)
        rubric = load_rubric(str(suite.options.get("rubric", "helpful")))
        compare = ModelJudge(server, rubric, Cache(folder / "judge-cache.jsonl")).compare
    return Tools(
        grade=endpoint(judge, "judge").grade if judge else None,
        compare=compare,
        embed=endpoint(embeddings, "embeddings").embed if embeddings else None,
        against=read_answers(Path(against), suite) if against else None,
    )


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise EvaluationFailed("Name the folder of one evaluation: python -m learner.evaluate FOLDER")
    sys.exit(main(Path(sys.argv[1])))
