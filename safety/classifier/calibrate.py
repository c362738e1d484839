"""Platt's calibration: a slope and a shift for each label, so that a score of .9 means nine in ten.

How many of the texts it is fitted on are harmful is chance, so they are weighed as if SHARE of them were: a score is
the probability that a text is harmful where one text in ten is.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[Any]
SHARE = 0.1  # of harmful texts that the probabilities are for


def platt(logits: Matrix, targets: Matrix, steps: int = 50) -> tuple[Matrix, Matrix]:
    """Slopes and shifts, one for each column; where the targets say nothing of a label, 1 and 0."""
    fitted = [_fit(logits[:, label], targets[:, label], steps) for label in range(logits.shape[1])]
    slopes, shifts = zip(*fitted, strict=True)
    return np.array(slopes), np.array(shifts)


def _fit(logits: Matrix, targets: Matrix, steps: int) -> tuple[float, float]:
    known = ~np.isnan(targets)
    x, y = logits[known].astype(float), targets[known].astype(float)
    if not (0 < y.sum() < len(y)):
        return 1.0, 0.0
    mass = np.where(y >= 0.5, SHARE / y.sum(), (1 - SHARE) / (1 - y).sum()) * len(y)
    features, weights = np.stack((x, np.ones_like(x)), 1), np.array([1.0, 0.0])
    for _ in range(steps):  # Newton, with a little ridge that keeps a label told apart perfectly from running off
        chances = 1 / (1 + np.exp(-features @ weights))
        gradient = features.T @ (mass * (chances - y)) + 1e-2 * (weights - [1.0, 0.0])
        curvature = (features * (mass * chances * (1 - chances))[:, None]).T @ features + 1e-2 * np.eye(2)
        weights = weights - np.clip(np.linalg.solve(curvature, gradient), -1, 1)
    slope = float(np.clip(weights[0], 0.3, 3.0))
    return slope, float(weights[1])
