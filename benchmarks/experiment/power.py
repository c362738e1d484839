"""How many users the rules take to find a challenger that is better, and what that costs meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import log
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from benchmarks.experiment import rules
from benchmarks.experiment.crowd import Floats, Votes, seen

CHANCE, EFFECTS, POWERS = 0.7, (0.03, 0.05, 0.1), (0.8, 0.9, 0.95, 0.98)
PLANNED = 0.05  # the effect that experiments are planned for
MOST = 20_000  # users of both arms, after whom an undecided experiment ends
SERVED = 10_000  # users over whom regret is counted
AT_ONCE = 2_000_000  # users of an arm in memory
_NORMAL = NormalDist()


def tuned(effect: float) -> float:
    """The n_star whose mixture has its middle at `effect`, a difference of scores."""
    return 1.5 * log(2 / rules.ALPHA) / effect**2


def fixed_users(effect: float, power: float, variance: float | None = None) -> float:
    """Users of both arms that a fixed-horizon z-test takes; `variance` is the sum of the arms' variances of a score."""
    after = CHANCE + effect
    spread = CHANCE * (1 - CHANCE) + after * (1 - after) if variance is None else variance
    return 2 * (_NORMAL.inv_cdf(1 - rules.ALPHA / 2) + _NORMAL.inv_cdf(power)) ** 2 * spread / effect**2


class Ends(NamedTuple):
    """Users of both arms when a rule stopped, inf where it did not, and whether the challenger had won then."""

    users: Floats
    won: Floats


def one_vote_each(rng: np.random.Generator, repeats: int, users: int, effect: float) -> tuple[Votes, Votes]:
    """Both arms of `users` each who vote once, the challenger's up by `effect` more often."""
    arms = ((rng.random((repeats, users, 1), dtype=np.float32) < p).astype(float) for p in (CHANCE, CHANCE + effect))
    a, b = (seen(arm, "sessions") for arm in arms)
    return a, b


def ends(
    draw: Callable[[np.random.Generator, int], tuple[Votes, Votes]],
    known: Mapping[str, rules.TwoArms],
    seed: tuple[int, ...],
    repeats: int,
    users: int,
) -> dict[str, Ends]:
    """When each rule stops with a look after every pair of users; `draw` makes so many replications of `users`."""
    rng, step = np.random.default_rng(seed), max(1, AT_ONCE // users)
    found: dict[str, list[Ends]] = {name: [] for name in known}
    for begins in range(0, repeats, step):
        a, b = draw(rng, min(step, repeats - begins))
        looks = rules.Looks(a, b)
        for name, rule in known.items():
            stops = rule(looks)
            first, rows = stops.argmax(axis=1), np.arange(len(stops))
            users_then = np.where(stops.any(axis=1), a.users[first] + b.users[first], np.inf)
            better = b.total[rows, first] / b.users[first] > a.total[rows, first] / a.users[first]
            found[name].append(Ends(users_then, better.astype(float)))
    return {name: Ends(*(np.concatenate(part) for part in zip(*parts, strict=True))) for name, parts in found.items()}


def saving(found: Floats, power: float, fixed: float) -> dict[str, float]:
    """1 - mean users / fixed users, the cap chosen on half of the replications and all else measured on the other."""
    half = len(found) // 2
    cap = float(np.quantile(found[:half], power, method="higher"))
    rest = found[half:]
    mean = float(np.minimum(rest, cap).mean())
    return {
        "saving": round(1 - mean / fixed, 3),
        "mean_users": round(mean),
        "cap_users": round(cap),
        "power": round(float((rest <= cap).mean()), 3),
        "fixed_users": round(fixed),
    }


def savings(seed: int, repeats: int) -> dict[str, dict[str, dict[str, float]]]:
    """By rule and power, for the planned effect; both rules with one n_star, that of the effect."""
    users = round(1.4 * fixed_users(PLANNED, 0.98))
    known = {"ours": rules.ours(tuned(PLANNED)), "equation_9": rules.equation_9(1.1 * tuned(PLANNED))}
    found = ends(lambda rng, part: one_vote_each(rng, part, users, PLANNED), known, (seed, 3), repeats, users)
    return {
        name: {str(power): saving(of.users, power, fixed_users(PLANNED, power)) for power in POWERS}
        for name, of in found.items()
    }


def users_and_regret(seed: int, repeats: int) -> tuple[dict[str, dict[str, float]], dict[str, dict[str, float]]]:
    """By rule and effect: the median of users to a decision, and lost thumbs up among `SERVED` users.

    n_star is that of the planned effect, whatever the true one. The fixed horizon is planned for each effect at 95%
    power, which nobody could know. Regret is the mean over a challenger that is better by the effect and one that is
    worse by it: half of the users see the worse arm until the end, and all of them afterwards if it was chosen.
    """
    known = {
        "ours": rules.ours(tuned(PLANNED)),
        "equation_9": rules.equation_9(tuned(PLANNED)),
        "naive": rules.naive,
        "track_and_stop": rules.track_and_stop,
    }
    medians: dict[str, dict[str, float]] = {name: {} for name in (*known, "fixed")}
    regrets: dict[str, dict[str, float]] = {name: {} for name in (*known, "fixed")}
    for place, effect in enumerate(EFFECTS):

        def draw(rng: np.random.Generator, part: int, effect: float = effect) -> tuple[Votes, Votes]:
            return one_vote_each(rng, part, MOST // 2, effect)

        found = ends(draw, known, (seed, 4, place), repeats, MOST // 2)
        horizon = fixed_users(effect, 0.95)
        found["fixed"] = Ends(np.full(repeats, horizon), np.random.default_rng((seed, 5)).random(repeats) < 0.95)
        for name, of in found.items():
            medians[name][str(effect)] = round(float(np.median(np.minimum(of.users, MOST))))
            regrets[name][str(effect)] = round(regret(of, effect), 1)
    return medians, regrets


def regret(found: Ends, effect: float) -> float:
    """Lost thumbs up among `SERVED` users; without a decision the champion stays."""
    tried = np.minimum(found.users, SERVED)
    right = (found.won > 0) & (found.users <= SERVED)
    wrong = (found.won == 0) & (found.users <= SERVED)
    if_better = tried / 2 + (SERVED - tried) * ~right
    if_worse = tried / 2 + (SERVED - tried) * wrong
    return float(effect * (if_better + if_worse).mean() / 2)
