"""Simulated votes: every person has a chance of a thumb up of their own, and casts several votes."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Order = Literal["sessions", "rounds"]
ORDERS: tuple[Order, ...] = ("sessions", "rounds")


class Votes(NamedTuple):
    """One arm after each of its votes, shape (replications, votes): users with their means, and the votes as such."""

    users: Floats  # shape (votes,)
    total: Floats  # of the users' means
    squares: Floats
    ups: Floats  # of the votes
    count: Floats  # shape (votes,)

    def before(self) -> Votes:
        """The same one vote earlier, without the time before the first."""
        return Votes(*(part[..., :-1] for part in self))

    def after(self) -> Votes:
        """The same without the time after the first vote, to go with `before`."""
        return Votes(*(part[..., 1:] for part in self))


def chances(rng: np.random.Generator, shape: tuple[int, ...], mean: float, icc: float) -> Floats | float:
    """Each person's chance: beta with this mean, and this intra-class correlation of their votes."""
    if icc == 0:
        return mean
    spread = (1 - icc) / icc
    return rng.beta(mean * spread, (1 - mean) * spread, shape)


def votes(rng: np.random.Generator, shape: tuple[int, int, int], mean: float, icc: float, order: Order) -> Votes:
    """The votes of one arm; `shape` is (replications, users, votes of each).

    In `sessions` somebody casts all votes before the next one comes; in `rounds` everybody casts the first vote, then
    everybody the second. Most crowds are something between.
    """
    persons = chances(rng, (*shape[:2], 1), mean, icc)
    return seen((rng.random(shape, dtype=np.float32) < persons).astype(np.float64), order)


def seen(up: Floats, order: Order) -> Votes:
    """The state after each vote, from thumbs or scores of shape (replications, users, votes of each)."""
    _, users, each = up.shape
    count = np.arange(1.0, users * each + 1)
    newcomers = np.zeros((users, each))
    newcomers[:, 0] = 1
    means = np.cumsum(up, axis=2)
    means /= np.arange(1, each + 1)
    squares = means * means
    parts = [newcomers, means, squares, up] if each == 1 else [newcomers, _steps(means), _steps(squares), up]
    if order == "rounds":
        parts = [np.swapaxes(part, -1, -2) for part in parts]
    lined = [part.reshape(*part.shape[:-2], -1) for part in parts]
    return Votes(*(np.cumsum(part, axis=-1) for part in lined), count)


def _steps(values: Floats) -> Floats:
    steps = values.copy()
    steps[..., 1:] -= values[..., :-1]
    return steps
