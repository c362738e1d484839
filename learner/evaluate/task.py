"""An evaluation as a command: a folder with task.json, and what the child process leaves beside it.

in    task.json             what to evaluate (`Task`); keys of servers come by the environment alone
out   progress.json         how far it is
      answers-SUITE.jsonl   what was answered, a row a line
      result.json           what was measured of each suite, or why nothing was
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from learner.errors import EvaluationFailed
from learner.evaluate.row import Answer
from learner.evaluate.suite import Suite, load_suite
from learner.progress import read_json, write_json

TASK, RESULT, PROGRESS = "task.json", "result.json", "progress.json"
KEYS: Mapping[str, str] = {
    "endpoint": "RATCHET_EVALUATE_KEY",
    "judge": "RATCHET_JUDGE_KEY",
    "embeddings": "RATCHET_EMBEDDINGS_KEY",
}


@dataclass(frozen=True)
class Server:
    """A server with OpenAI's API, without /v1, and the model to ask there."""

    url: str
    model: str = "default"

    @classmethod
    def read(cls, said: str) -> Server:
        """URL or URL,MODEL."""
        url, _, model = said.partition(",")
        return cls(url.rstrip("/").removesuffix("/v1"), model or "default")


@dataclass(frozen=True)
class Task:
    """`suites` are names or folders; of each at most `rows` are asked, 0 for all.

    The model is a folder or a Hub id with the folder of an adapter, or what `endpoint` serves. `against` has a folder
    of another model's answers by suite, for what compares.
    """

    suites: tuple[str, ...]
    model: str
    adapter: str | None = None
    endpoint: Server | None = None
    judge: Server | None = None
    embeddings: Server | None = None
    against: Mapping[str, str] = field(default_factory=dict)
    rows: int = 0
    minutes: float = 60.0
    threads: int = 1
    at_once: int = 8

    @classmethod
    def read(cls, folder: Path) -> Task:
        """Read task.json. Raises EvaluationFailed."""
        values: dict[str, Any] | None = read_json(folder / TASK)
        if values is None:
            raise EvaluationFailed(f"{folder} has no {TASK}.")
        for name in KEYS:
            values[name] = Server(**values[name]) if values[name] else None
        return cls(**{**values, "suites": tuple(values["suites"])})

    def write(self, folder: Path) -> None:
        """Write task.json."""
        folder.mkdir(parents=True, exist_ok=True)
        write_json(folder / TASK, asdict(self))

    def load(self) -> list[Suite]:
        """The suites, with the rows that are asked. Raises BadSuite."""
        return [suite.first(self.rows) if self.rows else suite for suite in map(load_suite, self.suites)]


def write_answers(folder: Path, suite: Suite, answers: Sequence[Answer]) -> None:
    """Keep what was answered."""
    lines = (json.dumps({"id": row.id, **asdict(one)}) for row, one in zip(suite.rows, answers, strict=True))
    (folder / f"answers-{suite.name}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def read_answers(folder: Path, suite: Suite) -> list[Answer]:
    """What was answered to the rows of the suite, in their order. Raises EvaluationFailed where some are missing."""
    path = folder / f"answers-{suite.name}.jsonl"
    try:
        told = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        known = {one.pop("id"): Answer(**one) for one in told}
        return [known[row.id] for row in suite.rows]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EvaluationFailed(
            f"{path} does not have the answers to {suite.name} ({error!r}); ask them again."
        ) from None
