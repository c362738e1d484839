"""More of what the model is weak at, by what was measured on other questions than those of the lessons."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from learner.augment.step import Augmented, Row, again, last_question, origins, with_added
from learner.errors import BadFile
from learner.lessons import Lessons
from learner.pair import Pair
from learner.settings import LapSettings
from learner.tfidf import Tfidf

NAME = "weak-spots"
NEIGHBOURS = 8
PRIOR = 4.0  # measured questions that a mean counts for: a few wrong answers far away make no weak spot
WEAK = 1.5  # a row is in a weak spot where so many times as many answers around it are wrong as everywhere
MOST = 4.0  # times the weight that the row has
SYNTHETIC = 64  # pairs from the starter's generator, at most


@dataclass(frozen=True)
class Measured:
    """A question that the model answered: `right` from 0 to 1, `topic` where one is known."""

    question: str
    right: float
    topic: str = ""
    answer: str = ""


def resampled(lessons: Lessons, settings: LapSettings, seed: int) -> Augmented:
    """Each row in a weak spot once more, and for the starter's topics new pairs from its generator.

    `augment_measured` is a file of measured answers (`write_measured`). The weakness of a row is the share of wrong
    answers to the measured questions nearest to its own, shrunk towards that of all. Raises BadFile.
    """
    measured = read_measured(settings.augment_measured)
    pairs = _weak(origins(lessons.pairs), measured, settings)
    ratings = _weak(origins(lessons.ratings), measured, settings)
    new = synthetic(measured, seed)
    left = {"the model is as right there as elsewhere": len(lessons) - len(pairs) - len(ratings)}
    note = f"{len(pairs) + len(ratings)} rows again, {len(new)} from the generator of the starter's questions."
    return with_added(NAME, lessons, [*pairs, *new], ratings, left, note)


def _weak(rows: Sequence[Row], measured: Sequence[Measured], settings: LapSettings) -> list[Row]:
    factors = weakness([last_question(row.prompt)[1] for row in rows], measured)
    return [
        again(row, settings, weight=row.weight * settings.augment_weight * min(MOST, float(factor)))
        for row, factor in zip(rows, factors, strict=True)
        if factor >= WEAK
    ]


def weakness(questions: Sequence[str], measured: Sequence[Measured]) -> NDArray[np.float64]:
    """How wrong answers are around each question, as a multiple of all; shape (questions,), ones if none is wrong."""
    wrong = 1.0 - np.array([one.right for one in measured])
    if not len(questions) or not len(measured) or not wrong.any():
        return np.ones(len(questions))
    known = Tfidf.of([one.question for one in measured])
    near = (known.matrix(questions) @ known.matrix([one.question for one in measured]).T).toarray()
    best = np.argsort(-near, axis=1)[:, :NEIGHBOURS]
    weights = np.take_along_axis(near, best, axis=1)
    mean = wrong.mean()
    shares = ((weights * wrong[best]).sum(1) + PRIOR / NEIGHBOURS * mean) / (weights.sum(1) + PRIOR / NEIGHBOURS)
    return np.asarray(shares / mean, dtype=np.float64)


def synthetic(measured: Sequence[Measured], seed: int, most: int = SYNTHETIC) -> list[Pair]:
    """Pairs on the starter's topics where it was wrong: a right answer, and preferred to it, the wrong one it gave.

    Every pair is checked: what is chosen states the facts and invents none, what is rejected does not.
    """
    wrong = [one for one in measured if one.topic and one.answer and one.right < 1]
    if not wrong:
        return []
    from learner.starter import load_world, render, score, style_of
    from learner.starter.corpus import ask

    rng, made = random.Random(f"{NAME} {seed}"), list[Pair]()
    for number in range(4 * most):
        one = rng.choice(wrong)
        if one.topic not in load_world().intents or len(made) == most:
            continue
        chosen = render(one.topic, style_of(one.answer), rng)
        if score(one.topic, chosen).right and not score(one.topic, one.answer).right:
            prompt = ({"role": "user", "content": ask(one.topic, rng, None)},)
            made.append(Pair(f"weak-{seed}-{number}", "generator", prompt, chosen, one.answer, "augmentation"))
    return made


def write_measured(path: Path, measured: Sequence[Measured]) -> None:
    """Write a file that `augment_measured` can name: one answer on each line."""
    path.write_text("".join(json.dumps(asdict(one), ensure_ascii=False) + "\n" for one in measured), encoding="utf-8")


def read_measured(path: str) -> list[Measured]:
    """Read such a file. Raises BadFile."""
    if not path:
        raise BadFile("Weak spots have to be measured first: name a file of answers by augment_measured.")
    try:
        lines = Path(path).expanduser().read_text(encoding="utf-8").splitlines()
        read = [Measured(**json.loads(line)) for line in lines if line.strip()]
        if any(not 0 <= float(one.right) <= 1 for one in read):
            raise ValueError("right is a share, from 0 to 1")
    except (OSError, ValueError, TypeError) as error:
        raise BadFile(
            f"{path} has no measured answers ({error}); each line is an object with question, right."
        ) from None
    return read
