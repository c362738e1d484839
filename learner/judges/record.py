"""A judge as a file: how it is reached, what it is told, and how it did. Keys are not part of it."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from learner.errors import BadFile, JudgeRefused
from learner.judges.cache import Cache
from learner.judges.calibration import Calibration
from learner.judges.judge import Judge
from learner.judges.model import JudgeServer, ModelJudge
from learner.judges.rubric import Rubric
from learner.progress import read_json, write_json

KEY = "RATCHET_JUDGE_KEY"  # the environment variable with its API key


@dataclass(frozen=True)
class JudgeRecord:
    """A server's model with a rubric, or with `reward_model` the folder of one, for the base `model`."""

    calibration: Calibration
    url: str = ""
    model: str = ""
    rubric: Rubric | None = None
    reward_model: str = ""

    def write(self, path: Path) -> None:
        """Replace the file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, asdict(self))

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read the file. Raises BadFile."""
        try:
            values: dict[str, Any] | None = read_json(path)
            if values is None:
                raise BadFile(f"There is no judge at {path}; `./ratchet judge calibrate` makes one.")
            rubric = Rubric(**values.pop("rubric")) if values.get("rubric") else values.pop("rubric", None)
            return cls(Calibration.from_values(values.pop("calibration")), rubric=rubric, **values)
        except (KeyError, TypeError, ValueError) as error:
            raise BadFile(f"{path} holds no judge that can be read ({error}); calibrate it again.") from error

    def judge(self, cache: Cache | None = None, at_once: int = 8, tokens: int = 0) -> Judge:
        """The judge, whether or not it may label; the key is that of the environment."""
        if self.reward_model:
            from learner.reward_model import RewardJudge, RewardModel  # torch

            return RewardJudge(RewardModel.load(Path(self.reward_model), self.model))
        assert self.rubric is not None
        server = JudgeServer(self.url, self.model, os.environ.get(KEY, ""), at_once, tokens=tokens)
        return ModelJudge(server, self.rubric, cache)

    def trusted(self, cache: Cache | None = None, at_once: int = 8, tokens: int = 0) -> Judge:
        """The judge. Raises JudgeRefused where it did not pass, or is another one by now."""
        judge = self.judge(cache, at_once, tokens)
        if judge.identity != self.calibration.judge:
            raise JudgeRefused(f"{judge.identity} is not {self.calibration.judge}, which was calibrated; do it again.")
        if not self.calibration.passed:
            raise JudgeRefused(f"{judge.identity} may not label. {self.calibration.reason}")
        return judge
