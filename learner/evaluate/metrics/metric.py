"""What a metric is, and what it is given."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from learner.errors import BadSuite, EvaluationFailed
from learner.evaluate.row import Answer, Row
from learner.evaluate.scores import Scores
from learner.judges.judge import Case, Verdict

Need = Literal["likelihoods", "judge", "embeddings", "against", "seconds"]
Grade = Callable[[str, Sequence[tuple[str, str]]], Sequence[float | None]]
"""Grades (question, answer) by a criterion, in [0, 1]; None where what the judge said could not be read."""
Compare = Callable[[Sequence[Case]], Sequence[Verdict]]
Embed = Callable[[Sequence[str]], NDArray[np.float64]]
"""A vector for each text, shape (texts, width)."""

_NEED_TOLD: Mapping[Need, str] = {
    "likelihoods": "the model's weights, so it cannot be measured over --endpoint",
    "judge": "a judge: name one with --judge URL,MODEL",
    "embeddings": "embeddings: name a server of them with --embeddings URL,MODEL",
    "against": "another model's answers: name it with --against",
    "seconds": "the time to each answer, which only --endpoint tells",
}


class NotMeasured(EvaluationFailed):
    """A metric cannot be measured on these answers, with what is lacking."""


@dataclass(frozen=True)
class Tools:
    """What metrics may ask beside the answers; None is what nobody named. `against` are another model's answers."""

    grade: Grade | None = None
    compare: Compare | None = None
    embed: Embed | None = None
    against: Sequence[Answer] | None = None


@dataclass(frozen=True)
class Answers:
    """The rows of a suite with one answer each, the suite's options, and the tools."""

    rows: Sequence[Row]
    answers: Sequence[Answer]
    options: Mapping[str, Any] = field(default_factory=dict)
    tools: Tools = Tools()

    @property
    def pairs(self) -> list[tuple[Row, Answer]]:
        """Each row with its answer."""
        return list(zip(self.rows, self.answers, strict=True))

    @property
    def texts(self) -> list[str]:
        """The answers to the questions themselves."""
        return [answer.text for answer in self.answers]


Measure = Callable[[Answers], Scores]
Check = Callable[[Sequence[Row], Mapping[str, Any]], str | None]


@dataclass(frozen=True)
class Metric:
    """`measure` gives its scores. `higher_is_better` is None for what is only reported.

    `rows` names fields of which every row must have one at least, `options` those that the suite must give. `wrong`
    says what else is amiss with a suite's rows or options, if anything is.
    """

    name: str
    about: str
    measure: Measure
    higher_is_better: bool | None = True
    needs: tuple[Need, ...] = ()
    rows: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    wrong: Check = lambda rows, options: None

    def check(self, path: Path, rows: Sequence[Row], options: Mapping[str, Any]) -> None:
        """Raise BadSuite where the suite cannot be measured by this metric, before anything is asked."""
        for key in self.options:
            if key not in options:
                raise BadSuite(f"{path}: the metric {self.name!r} needs {key} under [options].")
        if self.rows:
            for row in rows:
                if not any(getattr(row, name) for name in self.rows):
                    raise BadSuite(
                        f"{path}: the metric {self.name!r} needs {' or '.join(self.rows)} in the row {row.id!r}."
                    )
        if (told := self.wrong(rows, options)) is not None:
            raise BadSuite(f"{path}: {told}")

    def scores(self, answers: Answers) -> Scores:
        """Measure. Raises NotMeasured where a tool that it needs is not there."""
        tools = answers.tools
        there: Mapping[Need, bool] = {
            "likelihoods": all(
                one.reference_logprob is not None or one.chosen_logprob is not None for one in answers.answers
            ),
            "judge": tools.grade is not None,
            "embeddings": tools.embed is not None,
            "against": tools.against is not None,
            "seconds": all(one.seconds is not None for one in answers.answers),
        }  # fmt: skip
        for need in self.needs:
            if not there[need]:
                raise NotMeasured(f"{self.name} needs {_NEED_TOLD[need]}.")
        found = self.measure(answers)
        if len(found) != len(answers.rows):
            raise NotMeasured(f"{self.name} gave {len(found)} scores for {len(answers.rows)} rows.")
        return found
