"""What CUPED, comparisons and stopping early for futility add to the rule, at the planned effect and 95% power."""

from __future__ import annotations

from math import sqrt
from statistics import NormalDist

import numpy as np

from benchmarks.experiment import rules
from benchmarks.experiment.crowd import Floats, chances
from benchmarks.experiment.power import CHANCE, PLANNED, fixed_users, one_vote_each, saving, tuned
from learner.experiment import Paired, adjusted, chance_to_decide, decide, decide_one

POWER = 0.95
EACH = 5  # votes of a person in the experiment, and as many before it
ICCS = (0.2, 0.5)
PERSONAL = (0.0, 0.5)  # share of the variance of satisfaction that is the person's own
LOOK_EVERY = 20  # users of an arm
_NORMAL = NormalDist()


def cuped(seed: int, repeats: int, users: int = 4000) -> dict[str, dict[str, float]]:
    """By ICC: mean users with the mean of five earlier votes as covariate and without, and the share saved."""
    out = {}
    for icc in ICCS:
        rng, looks = np.random.default_rng((seed, 6, round(10 * icc))), np.arange(LOOK_EVERY, users + 1, LOOK_EVERY)
        stops: dict[str, list[Floats]] = {"plain": [], "cuped": []}
        for _ in range(0, repeats, 50):
            arms = [_with_past(rng, (50, users), icc, effect, looks) for effect in (0.0, PLANNED)]
            plain = (part for arm in arms for part in (arm.n, arm.sum_y, arm.sumsq_y))
            for name, sums in (("plain", tuple(plain)), ("cuped", adjusted(*arms))):
                found = decide(*sums, alpha=rules.ALPHA, n_star=tuned(PLANNED)).decision > 0
                stops[name].append(np.where(found.any(axis=1), 2.0 * looks[found.argmax(axis=1)], np.inf))
        means = {name: saving(np.concatenate(of), POWER, 1.0)["mean_users"] for name, of in stops.items()}
        out[str(icc)] = {**means, "saving": round(1 - means["cuped"] / means["plain"], 3)}
    return out


def _with_past(rng: np.random.Generator, shape: tuple[int, int], icc: float, effect: float, looks: Floats) -> Paired:
    own = np.asarray(chances(rng, shape, CHANCE, icc))
    x = rng.binomial(EACH, own) / EACH
    y = rng.binomial(EACH, own + effect * (1 - own) / (1 - CHANCE)) / EACH
    sums = (np.cumsum(part, axis=1)[:, looks - 1] for part in (y, y * y, x, x * x, x * y))
    return Paired(looks.astype(float), *sums)


def comparisons(seed: int, repeats: int) -> dict[str, dict[str, float]]:
    """By the personal share: mean users of one comparison each, and of one thumb each, for the same better answers.

    Satisfaction is normal; a thumb is up above a threshold, and the more satisfying of two answers wins. What is the
    person's own is the same for both answers, and so does not blur a comparison.
    """
    gap = _NORMAL.inv_cdf(CHANCE + PLANNED) - _NORMAL.inv_cdf(CHANCE)
    users = round(2.6 * fixed_users(PLANNED, POWER))
    rng = np.random.default_rng((seed, 7))
    thumbs = _thumbs(rng, repeats, users // 2)
    out = {}
    for personal in PERSONAL:
        win = _NORMAL.cdf(gap / sqrt(2 * (1 - personal)))
        scores = np.cumsum(np.where(rng.random((repeats, users), dtype=np.float32) < win, 1.0, -1.0), axis=1)
        n = np.arange(1.0, users + 1)
        found = decide_one(n, scores, n, alpha=rules.ALPHA, n_star=tuned(2 * win - 1)).decision > 0
        stops = np.where(found.any(axis=1), n[found.argmax(axis=1)], np.inf)
        mean = saving(stops, POWER, 1.0)["mean_users"]
        out[str(personal)] = {
            "win_share": round(win, 3),
            "thumbs": thumbs,
            "comparisons": mean,
            "saving": round(1 - mean / thumbs, 3),
        }
    return out


def _thumbs(rng: np.random.Generator, repeats: int, users: int) -> float:
    a, b = one_vote_each(rng, repeats, users, PLANNED)
    stops = rules.ours(tuned(PLANNED))(rules.Looks(a, b))
    found = np.where(stops.any(axis=1), 2 * a.users[stops.argmax(axis=1)], np.inf)
    return saving(found, POWER, 1.0)["mean_users"]


def futility(seed: int, repeats: int, below: float) -> dict[str, float]:
    """With and without an end when the chance to win falls `below`: mean users without an effect, and power with one.

    The cap is that of 95% power.
    """
    cap = round(0.7 * fixed_users(PLANNED, POWER))
    looks = np.arange(100, cap + 1, 50)
    out: dict[str, float] = {"below": below, "cap_users": 2 * cap}
    for name, effect in (("null", 0.0), ("effect", PLANNED)):
        a, b = one_vote_each(np.random.default_rng((seed, 8)), repeats, cap, effect)
        won = rules.ours(tuned(PLANNED))(rules.Looks(a, b))
        at = np.where(won.any(axis=1), won.argmax(axis=1) + 1, cap)
        mean_a, mean_b = (arm.total[:, looks - 1] / looks for arm in (a, b))
        variance = (mean_a * (1 - mean_a) + mean_b * (1 - mean_b)) / looks
        hope = chance_to_decide(mean_b - mean_a, variance, cap / looks, alpha=rules.ALPHA, n_star=tuned(PLANNED))
        given = hope < below
        ends = np.where(given.any(axis=1), looks[given.argmax(axis=1)], cap)
        out[f"{name}_users"], out[f"{name}_users_futility"] = (
            round(float(2 * x.mean())) for x in (at, np.minimum(at, ends))
        )
        if name == "effect":
            hit = won.any(axis=1)
            out["power"], out["power_futility"] = (round(float(x.mean()), 3) for x in (hit, hit & (at <= ends)))
    return out
