"""A metric of one's own: a Python function in a file beside the suite.

    def recall_of_fractures(examples):     # examples: list of dicts
        return [score_of(example["answer"], example["label"]) for example in examples]

It returns for each example a number, None where it does not apply, or a pair (numerator, denominator), whose sums make
the value. The file is code that runs with the rights of whoever evaluates, so it is only ever one in the suite's own
folder, and it runs in the child process that evaluates.
"""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from learner.errors import BadSuite
from learner.evaluate.metrics.metric import Answers, Metric, NotMeasured
from learner.evaluate.scores import Scores, means, ratios

Function = Callable[[list[dict[str, Any]]], Sequence[Any]]


def load(name: str, folder: Path, options: Mapping[str, Any]) -> Metric:
    """`file.py:function`; the file is read, and not run before it measures. Raises BadSuite."""
    file, _, function = name.partition(":")
    path = folder / file
    if Path(file).name != file or not file.endswith(".py") or not path.is_file():
        raise BadSuite(f"{folder}: {name!r} must name a .py file that lies in this folder, and a function of it.")
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, SyntaxError) as error:
        raise BadSuite(f"{path} cannot be read as Python: {error}.") from None
    if not any(isinstance(node, ast.FunctionDef) and node.name == function for node in tree.body):
        raise BadSuite(f"{path} defines no function {function!r}.")
    lower, bounds = options.get("lower_is_better", False), options.get("bounds")
    if not isinstance(lower, bool) or not (bounds is None or _is_range(bounds)):
        raise BadSuite(f"{folder}: under [options] lower_is_better is true or false, and bounds two numbers.")
    return Metric(
        name, f"{function} of {file}", partial(_measure, path, function, not lower, bounds), higher_is_better=not lower
    )


def _is_range(bounds: object) -> bool:
    return (
        isinstance(bounds, list)
        and len(bounds) == 2
        and all(isinstance(end, (int, float)) for end in bounds)
        and bounds[0] < bounds[1]
    )


def _measure(path: Path, function: str, higher_is_better: bool, bounds: list[float] | None, answers: Answers) -> Scores:
    try:
        values = list(_function(path, function)([_example(*pair) for pair in answers.pairs]))
    except Exception as error:
        raise NotMeasured(f"{function} of {path} failed: {type(error).__name__}: {error}") from error
    try:
        if values and all(isinstance(value, (tuple, list)) for value in values):
            numerators, denominators = ([float(value[place]) for value in values] for place in (0, 1))
            return ratios(numerators, denominators, higher_is_better=higher_is_better)
        limits = None if bounds is None else (float(bounds[0]), float(bounds[1]))
        return means(values, higher_is_better=higher_is_better, bounds=limits)
    except (TypeError, ValueError, IndexError) as error:
        raise NotMeasured(
            f"{function} of {path} must return a number, None or a pair of numbers for each example ({error})."
        ) from error


def _function(path: Path, function: str) -> Function:
    spec = importlib.util.spec_from_file_location(f"ratchet_metric_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: Function = getattr(module, function)
    return found


def _example(row: Any, answer: Any) -> dict[str, Any]:  # noqa: ANN401
    return {
        "id": row.id,
        "messages": [dict(message) for message in row.messages],
        "question": row.question,
        "answer": answer.text,
        "answers": list(answer.texts),
        "references": list(row.references),
        "label": row.label,
        "slices": dict(row.slices),
        "data": dict(row.data),
    }
