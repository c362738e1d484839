"""Starts the child process that evaluates, and watches it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from learner.errors import EvaluationFailed
from learner.evaluate.task import KEYS, PROGRESS, RESULT, Task
from learner.process import child_environment
from learner.progress import read_json

GLANCE_SECONDS = 0.2
SLACK_SECONDS = 120.0  # for imports and metrics, beside the answers
ROOT = Path(__file__).parents[2]
LOG = "log.txt"

Report = Callable[[str, int, int], None]  # (suite, done, of)


def run(folder: Path, task: Task, keys: Mapping[str, str], report: Report) -> dict[str, Any]:
    """Evaluate in a child process, and return what was measured by suite. Raises EvaluationFailed.

    `keys` are those of the servers, by the names of `KEYS`; they go by the environment, and into no file.
    """
    task.write(folder)
    secrets = {variable: keys.get(name, "") for name, variable in KEYS.items()}
    with (folder / LOG).open("wb") as log:
        child = subprocess.Popen(
            [sys.executable, "-m", "learner.evaluate", str(folder)],
            cwd=ROOT,
            env=child_environment(task.threads) | secrets,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _watch(child, folder, time.monotonic() + 60 * task.minutes + SLACK_SECONDS, report)
    finally:
        _end(child)
    result: dict[str, Any] | None = read_json(folder / RESULT)
    if result is None:
        raise EvaluationFailed(f"The evaluation died without a result (exit {child.returncode}); see {folder / LOG}.")
    if result["outcome"] != "done":
        raise EvaluationFailed(str(result["message"]))
    found: dict[str, Any] = result["suites"]
    return found


def _watch(child: subprocess.Popen[bytes], folder: Path, until: float, report: Report) -> None:
    while child.poll() is None:
        time.sleep(GLANCE_SECONDS)
        at: dict[str, Any] | None = read_json(folder / PROGRESS)
        if at is not None:
            report(str(at["suite"]), int(at["done"]), int(at["of"]))
        if time.monotonic() > until:
            raise EvaluationFailed("The evaluation took longer than --minutes allows; allow more, or ask fewer --rows.")


def _end(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
