"""How often each rule finds a winner where there is none, when it looks after every vote."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from benchmarks.experiment import rules
from benchmarks.experiment.crowd import ORDERS, Order, votes

VOTES, ICCS = (1, 5, 10), (0.0, 0.2, 0.5)
CHANCE = 0.7  # of a thumb up in both arms
AT_ONCE = 100_000  # votes of an arm in memory
Rates = dict[str, dict[str, dict[str, float]]]  # by rule, votes of a person and ICC
Hits = dict[str, NDArray[np.bool_]]  # by rule, shape (replications,)


def thumbs(seed: int, users: int, n_star: float, repeats: int, tell: Callable[[str], None]) -> tuple[Rates, Rates]:
    """The rates of two equal arms: the worse of both orders, and of each order ("sessions ours")."""
    known: Mapping[str, rules.TwoArms] = {
        "ours": rules.ours(n_star),
        "naive": rules.naive,
        "fixed": rules.fixed,
        "track_and_stop": rules.track_and_stop,
    }

    def one(rng: np.random.Generator, shape: tuple[int, int, int], icc: float, order: Order) -> Hits:
        a, b = (votes(rng, shape, CHANCE, icc, order) for _ in "ab")
        looks = rules.Looks(a, b)
        between = rules.Looks(a.after(), b.before())  # between a vote of one arm and the next one of the other
        return {
            name: rule(looks).any(axis=1) | (name != "fixed" and rule(between).any(axis=1))
            for name, rule in known.items()
        }

    return _rates(one, list(known), (seed, 1), users // 2, repeats, lambda told: tell(f"thumbs: {told}"))


def comparisons(seed: int, users: int, n_star: float, repeats: int, tell: Callable[[str], None]) -> tuple[Rates, Rates]:
    """The rates where each comparison is won by either arm with the same chance."""
    known: Mapping[str, rules.OneSample] = {
        "ours": rules.ours_one(n_star),
        "naive": rules.naive_one,
        "fixed": rules.fixed_one,
        "raw_mixture": rules.raw_mixture(users * max(VOTES)),
    }

    def one(rng: np.random.Generator, shape: tuple[int, int, int], icc: float, order: Order) -> Hits:
        seen = votes(rng, shape, 0.5, icc, order)
        return {name: rule(seen).any(axis=1) for name, rule in known.items()}

    return _rates(one, list(known), (seed, 2), users, repeats, lambda told: tell(f"comparisons: {told}"))


def _rates(
    one: Callable[[np.random.Generator, tuple[int, int, int], float, Order], Hits],
    names: list[str],
    seed: tuple[int, int],
    users: int,
    repeats: int,
    tell: Callable[[str], None],
) -> tuple[Rates, Rates]:
    worst: Rates = {name: {str(each): {} for each in VOTES} for name in names}
    by_order: Rates = {f"{order} {name}": {str(each): {} for each in VOTES} for order in ORDERS for name in names}
    for place, (each, icc) in enumerate((each, icc) for each in VOTES for icc in ICCS):
        for order in ORDERS if each > 1 else ORDERS[:1]:  # one vote each knows no order
            rng = np.random.default_rng((*seed, place, ORDERS.index(order)))
            found = dict.fromkeys(names, 0)
            for part in _parts(repeats, users * each):
                for name, hits in one(rng, (part, users, each), icc, order).items():
                    found[name] += int(hits.sum())
            for name in names:
                rate, at = found[name] / repeats, (str(each), str(icc))
                by_order[f"{order} {name}"][at[0]][at[1]] = rate
                worst[name][at[0]][at[1]] = max(rate, worst[name][at[0]].get(at[1], 0.0))
            told = ", ".join(f"{name} {found[name] / repeats:.1%}" for name in names)
            tell(f"{each} votes, ICC {icc}, {order}: {told}")
    return worst, by_order


def _parts(repeats: int, size: int) -> Iterator[int]:
    step = max(1, AT_ONCE // size)
    for begins in range(0, repeats, step):
        yield min(step, repeats - begins)
