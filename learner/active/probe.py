"""A linear reward model on differences of hidden states, with its own uncertainty: what is known of a taste so far.

Bradley-Terry preferences p = sigmoid(w . x), x the features of the first answer less those of the second, with a normal
prior on w and Laplace's approximation of its posterior (MacKay, "The Evidence Framework Applied to Classification
Networks", Neural Computation 4, 1992).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
WIDTH = 16  # principal components that are kept
PRIOR = 0.25  # variance of a weight; of those tried the best for random labels (docs/learning.md)
STEPS = 30  # of Newton's method; a few are enough


@dataclass(frozen=True)
class Components:
    """The directions in which answers differ most, the strongest first.

    A direction is scaled by the root of its strength, halfway between as it is and all alike; overall the mean square
    of a difference is 1.
    """

    directions: Floats  # (features, width)

    @classmethod
    def of(cls, differences: NDArray[Any], width: int = WIDTH) -> Components:
        """From unlabelled differences, shape (pairs, features). Nothing is centred: a swap of sides turns the sign."""
        _, sizes, directions = np.linalg.svd(differences.astype(np.float64), full_matrices=False)
        kept = min(width, int((sizes > 1e-6 * max(1e-12, sizes[0])).sum()))
        scaled = directions[:kept].T / np.sqrt(sizes[:kept])
        return cls(scaled / np.sqrt(sizes[:kept].mean() / len(differences)))

    def __call__(self, differences: NDArray[Any]) -> Floats:
        """Shape (pairs, width)."""
        return np.asarray(differences.astype(np.float64) @ self.directions)


@dataclass(frozen=True)
class Probe:
    """The posterior of the weights: normal, with `mean` of shape (width,) and `covariance` of shape (width, width)."""

    mean: Floats
    covariance: Floats

    @classmethod
    def fit(cls, differences: Floats, first: Floats, weights: Floats | None = None) -> Probe:
        """From labelled pairs: `first` is 1 where the first answer was preferred and 0 elsewhere, shape (pairs,)."""
        width = differences.shape[1]
        mean, covariance = np.zeros(width), PRIOR * np.eye(width)
        counts = np.ones(len(first)) if weights is None else weights
        for _ in range(STEPS):
            p = _sigmoid(differences @ mean)
            gradient = differences.T @ (counts * (first - p)) - mean / PRIOR
            precision = (differences * (counts * p * (1 - p))[:, None]).T @ differences + np.eye(width) / PRIOR
            covariance = np.asarray(np.linalg.inv(precision), dtype=np.float64)
            step = covariance @ gradient
            mean = mean + step * min(1.0, 4.0 / max(1e-12, float(np.linalg.norm(step))))
            if np.abs(step).max(initial=0.0) < 1e-6:
                break
        return cls(mean, covariance)

    def margins(self, differences: Floats) -> tuple[Floats, Floats]:
        """Mean and variance of each margin w . x, both of shape (pairs,)."""
        variances = np.einsum("ij,jk,ik->i", differences, self.covariance, differences)
        return differences @ self.mean, np.asarray(variances)

    def probabilities(self, differences: Floats) -> Floats:
        """That the first answer is preferred, averaged over the posterior (MacKay 1992, eq. 25)."""
        mean, variance = self.margins(differences)
        return _sigmoid(mean / np.sqrt(1 + np.pi * variance / 8))


def _sigmoid(values: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-np.clip(values, -40, 40))))
