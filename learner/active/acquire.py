"""Which pairs of answers to ask people about next, by several functions: each takes a pool and returns places in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from learner.active.probe import Floats, Probe

DRAWS = 64  # of the posterior, for the disagreement of its draws


@dataclass(frozen=True)
class Pool:
    """What is known of the unlabelled pairs, one row each; `traffic` is the share of all questions that are like it."""

    differences: Floats  # of features, (pairs, width)
    likelihood_gap: Floats  # |log p per token of one answer less that of the other| under the model that served
    traffic: Floats


Acquire = Callable[[Pool, Probe, int, np.random.Generator], list[int]]


def randomly(pool: Pool, probe: Probe, count: int, rng: np.random.Generator) -> list[int]:
    """Any of them: what happens without active learning."""
    return [int(place) for place in rng.permutation(len(pool.differences))[:count]]


def likelihood(pool: Pool, probe: Probe, count: int, rng: np.random.Generator) -> list[int]:
    """Those whose two answers the served model finds about equally likely."""
    return _first(pool.likelihood_gap, count)


def uncertainty(pool: Pool, probe: Probe, count: int, rng: np.random.Generator) -> list[int]:
    """Those whose preferred answer is least certain (Lewis and Gale, "A sequential algorithm for training text
    classifiers", SIGIR 1994)."""
    return _first(np.abs(probe.probabilities(pool.differences) - 0.5), count)


def disagreement(pool: Pool, probe: Probe, count: int, rng: np.random.Generator) -> list[int]:
    """Those on which draws of the posterior disagree most: BALD (Houlsby et al., arXiv:1112.5745)."""
    draws = rng.multivariate_normal(probe.mean, probe.covariance, size=DRAWS, method="eigh")
    p = 1 / (1 + np.exp(-np.clip(pool.differences @ draws.T, -40, 40)))
    return _first(-(_entropy(p.mean(1)) - _entropy(p).mean(1)), count)


def diversity(pool: Pool, probe: Probe, count: int, rng: np.random.Generator) -> list[int]:
    """Those furthest from all chosen before, one after the other: k-center (Sener and Savarese, arXiv:1708.00489)."""
    rows = pool.differences
    chosen = [int(np.argmax((rows**2).sum(1)))]
    distance = _distance(rows, chosen[0])
    while len(chosen) < min(count, len(rows)):
        chosen.append(int(np.argmax(distance)))
        distance = np.minimum(distance, _distance(rows, chosen[-1]))
    return chosen


def information(pool: Pool, probe: Probe, count: int, rng: np.random.Generator) -> list[int]:
    """Those that tell most of the weights, one after the other, each as if those before were labelled.

    A label narrows the posterior by the factor 1 + p (1 - p) x' S x (D-optimal design for logistic models: Chaloner and
    Verdinelli, "Bayesian Experimental Design: A Review", Statistical Science 10, 1995).
    """
    return _informative(pool, probe, count, np.ones(len(pool.differences)))


def value(pool: Pool, probe: Probe, count: int, rng: np.random.Generator) -> list[int]:
    """The same, times the root of how often such a question is asked: what is learned is of use where people are."""
    return _informative(pool, probe, count, np.sqrt(pool.traffic / max(1e-12, float(pool.traffic.mean()))))


ACQUIRE: Mapping[str, Acquire] = {
    "random": randomly,
    "likelihood": likelihood,
    "uncertainty": uncertainty,
    "disagreement": disagreement,
    "diversity": diversity,
    "information": information,
    "value": value,
}


def gains(pool: Pool, probe: Probe) -> Floats:
    """What one label of each pair tells of the weights, in nats, shape (pairs,)."""
    p = probe.probabilities(pool.differences)
    return np.asarray(0.5 * np.log1p(p * (1 - p) * probe.margins(pool.differences)[1]))


def _informative(pool: Pool, probe: Probe, count: int, factors: Floats) -> list[int]:
    rows, covariance = pool.differences, probe.covariance
    p = probe.probabilities(rows)
    noise = p * (1 - p)
    chosen: list[int] = []
    free = np.ones(len(rows), dtype=bool)
    for _ in range(min(count, len(rows))):
        spread = np.einsum("ij,jk,ik->i", rows, covariance, rows)
        place = int(np.argmax(np.where(free, factors * np.log1p(noise * spread), -1.0)))
        chosen.append(place)
        free[place] = False
        narrowed = covariance @ rows[place]
        covariance = covariance - np.outer(narrowed, narrowed) * noise[place] / (1 + noise[place] * spread[place])
    return chosen


def _first(values: Floats, count: int) -> list[int]:
    return [int(place) for place in np.argsort(values, kind="stable")[:count]]


def _distance(rows: Floats, place: int) -> Floats:
    # A pair and the same with its sides swapped teach the same.
    return np.asarray(np.minimum(((rows - rows[place]) ** 2).sum(1), ((rows + rows[place]) ** 2).sum(1)))


def _entropy(p: Floats) -> Floats:
    p = np.clip(p, 1e-9, 1 - 1e-9)
    return np.asarray(-p * np.log(p) - (1 - p) * np.log(1 - p))
