"""Answers that are one label of a few, such as an urgency or a grade.

The label is the only one of `labels` that the answer names, or what group 1 of `answer_pattern` holds. An answer in
which none can be read, or several, counts as wrong. The sums give what scikit-learn's functions of these names give,
which the tests hold them against; as sums they can be drawn anew.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from learner.evaluate.metrics.metric import Answers, Metric
from learner.evaluate.row import Row
from learner.evaluate.scores import Scores, means, ratios

UNREADABLE = "(unreadable)"


def read_label(text: str, options: Mapping[str, Any]) -> str | None:
    """The label that an answer gives, in the suite's spelling; None where it gives none, or several."""
    labels = {str(label).casefold(): str(label) for label in options["labels"]}
    if pattern := options.get("answer_pattern"):
        found = re.search(pattern, text, re.IGNORECASE)
        return labels.get(found[1].strip().casefold()) if found and found.groups() and found[1] else None
    named = {
        label for folded, label in labels.items() if re.search(rf"(?<!\w){re.escape(folded)}(?!\w)", text.casefold())
    }
    return named.pop() if len(named) == 1 else None


def accuracy(answers: Answers) -> Scores:
    """The share of answers with the row's label."""
    wanted, given = _labels(answers)
    return means([float(ours == theirs) for ours, theirs in zip(given, wanted, strict=True)], detail=_detail(answers))


def precision(answers: Answers) -> Scores:
    """Of the answers that give the label `positive`, the share of rows that have it."""
    has, says = _positive(answers)
    return ratios(has & says, says, bounded=True, detail=_detail(answers))


def recall(answers: Answers) -> Scores:
    """Of the rows that have the label `positive`, the share of answers that give it."""
    has, says = _positive(answers)
    return ratios(has & says, has, bounded=True, detail=_detail(answers))


def f1(answers: Answers) -> Scores:
    """The harmonic mean of precision and recall of the label `positive`."""
    has, says = _positive(answers)
    parts = _f1_parts(has, says)
    return Scores(parts, "ratio", True, np.array([[0.0, 1.0], [2.0, 2.0]]), _detail(answers))


def macro_f1(answers: Answers) -> Scores:
    """The mean of F1 over all labels that occur."""
    wanted, given = (np.array(side) for side in _labels(answers))
    parts = [_f1_parts(wanted == label, given == label) for label in map(str, answers.options["labels"])]
    return Scores(np.hstack(parts), "macro", True, None, _detail(answers))


def _f1_parts(has: Any, says: Any) -> Any:  # noqa: ANN401
    """Twice the hits, and those with the misses and the false alarms, shape (rows, 2)."""
    return np.column_stack([2.0 * (has & says), 2.0 * (has & says) + (has & ~says) + (says & ~has)])


def _labels(answers: Answers) -> tuple[list[str], list[str]]:
    wanted = [str(row.label) for row in answers.rows]
    return wanted, [read_label(text, answers.options) or UNREADABLE for text in answers.texts]


def _positive(answers: Answers) -> tuple[Any, Any]:
    """Which rows have the label `positive`, and which answers give it."""
    wanted, given = (np.array(side) for side in _labels(answers))
    return wanted == str(answers.options["positive"]), given == str(answers.options["positive"])


def _detail(answers: Answers) -> dict[str, Any]:
    """How often each label was wanted and given: the confusion, as `wanted > given`."""
    wanted, given = _labels(answers)
    return {"confusion": dict(Counter(f"{ours} > {theirs}" for ours, theirs in zip(wanted, given, strict=True)))}


def _wrong(rows: Sequence[Row], options: Mapping[str, Any]) -> str | None:
    labels = options["labels"]
    if (
        not isinstance(labels, list)
        or len({str(label).casefold() for label in labels}) != len(labels)
        or len(labels) < 2
    ):
        return "labels under [options] must be a list of two different labels at least."
    known = dict.fromkeys(map(str, labels))
    if (strange := next((row for row in rows if row.label not in known), None)) is not None:
        return f"the row {strange.id!r} has the label {strange.label!r}, which is none of {', '.join(known)}."
    if "positive" in options and str(options["positive"]) not in known:
        return f"positive is {options['positive']!r}, which is none of {', '.join(known)}."
    return None


def _metric(name: str, about: str, measure: Any, *more: str) -> Metric:  # noqa: ANN401
    return Metric(name, about, measure, rows=("label",), options=("labels", *more), wrong=_wrong)


METRICS = (
    _metric("accuracy", "share of answers with the right label", accuracy),
    _metric("precision", "of the answers that say `positive`, the share that is", precision, "positive"),
    _metric("recall", "of the rows that are `positive`, the share of answers that say so", recall, "positive"),
    _metric("f1", "harmonic mean of precision and recall", f1, "positive"),
    _metric("macro_f1", "mean of F1 over the labels", macro_f1),
)
