"""Likeness of meaning: the cosine of embeddings, of the answer and the question or the nearest reference."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from learner.evaluate.metrics.metric import Answers, Metric
from learner.evaluate.scores import Scores, means

COSINES = (-1.0, 1.0)


def to_question(answers: Answers) -> Scores:
    """The mean cosine of answer and question, in [-1, 1]."""
    assert answers.tools.embed is not None
    questions = answers.tools.embed([row.question for row in answers.rows])
    return means(_cosines(answers.tools.embed(answers.texts), questions), bounds=COSINES)


def to_reference(answers: Answers) -> Scores:
    """The mean cosine of the answer and the reference that is nearest to it, in [-1, 1]."""
    assert answers.tools.embed is not None
    said = answers.tools.embed(answers.texts)
    wanted = answers.tools.embed([text for row in answers.rows for text in row.references])
    best, place = [], 0
    for number, row in enumerate(answers.rows):
        mine = wanted[place : place + len(row.references)]
        best.append(float(_cosines(np.repeat(said[number : number + 1], len(mine), axis=0), mine).max()))
        place += len(row.references)
    return means(best, bounds=COSINES)


def _cosines(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    lengths = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    return np.asarray(np.clip((first * second).sum(axis=1) / np.where(lengths > 0, lengths, 1.0), *COSINES))


METRICS: Sequence[Metric] = (
    Metric("relevance_embedding", "cosine of answer and question", to_question, needs=("embeddings",)),
    Metric(
        "similarity",
        "cosine of answer and nearest reference",
        to_reference,
        needs=("embeddings",),
        rows=("references",),
    ),
)
