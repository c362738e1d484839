"""How often the server's verdict crowns or damns an arm that is no different, where shares move and times change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf

import numpy as np
from numpy.typing import NDArray

from learner.experiment import Evidence, Plan, judge, split_by, thompson
from learner.settings import LearnerSettings

PEOPLE, EVERY, VOTES = 1500, 25, 3  # of an experiment, between two looks, of a person
TREND = (0.45, 0.85)  # chance of a thumb up, from the first person to the last
ICC = 0.3
SEGMENTS = 4
SETTINGS = LearnerSettings(experiment_min_users=10, experiment_max_users=10**9)
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Crowd:
    """People in the order in which they come: mean votes, whether they met the challenger, at which share, segment."""

    scores: Floats
    met: NDArray[np.bool_]
    shares: Floats
    segment: NDArray[np.int_]
    compared: Floats

    def until(self, n: int) -> tuple[Floats, Floats, tuple[Floats, Floats]]:
        """Scores of champion and challenger among the first `n`, and the shares at which they came."""
        met, scores, shares = self.met[:n], self.scores[:n], self.shares[:n]
        return scores[~met], scores[met], (shares[~met], shares[met])


def moving(seed: int, repeats: int, tell: Callable[[str], None]) -> dict[str, dict[str, float]]:
    """Rates of null experiments that end with a winner or a loser, by plan: by the verdict, and by plain means."""
    plans = {
        "fixed, with comparisons": Plan((0.5,)),
        "fixed, with segments": Plan((0.5,)),
        "ramp": Plan((0.05, 0.2, 0.5), batch=150),
        "thompson": Plan((0.5,), batch=150, allocation="thompson"),
    }
    found = {}
    for place, (name, plan) in enumerate(plans.items()):
        rng = np.random.default_rng((seed, 9, place))
        hits = np.zeros((repeats, 2))
        for row in range(repeats):
            hits[row] = _ends(_crowd(rng, plan), name)
        found[name] = {"ours": float(hits[:, 0].mean()), "plain means": float(hits[:, 1].mean())}
        tell(f"{name}: " + ", ".join(f"{rule} {rate:.1%}" for rule, rate in found[name].items()))
    return found


def _crowd(rng: np.random.Generator, plan: Plan) -> Crowd:
    mean = np.linspace(*TREND, PEOPLE)
    size = (1 - ICC) / ICC
    scores = rng.binomial(VOTES, rng.beta(mean * size, (1 - mean) * size)) / VOTES
    met, shares = np.zeros(PEOPLE, dtype=bool), np.zeros(PEOPLE)
    for first in range(0, PEOPLE, plan.batch):
        so_far, batch = slice(0, first), slice(first, first + plan.batch)
        share = plan.share(first)
        if plan.adapts(first):
            share = thompson(scores[so_far][~met[so_far]], scores[so_far][met[so_far]], seed=first)
        shares[batch] = share
        met[batch] = rng.random(len(met[batch])) < share
    compared = rng.choice((-1.0, 0.0, 1.0), PEOPLE, p=(0.4, 0.2, 0.4))
    return Crowd(scores, met, shares, rng.integers(0, SEGMENTS, PEOPLE), compared)


def _ends(crowd: Crowd, name: str) -> tuple[bool, bool]:
    """Whether any look of the verdict finds a difference, and whether any look at plain means does."""
    ours = plain = False
    for n in range(50, PEOPLE + 1, EVERY):
        champion, challenger, shares = crowd.until(n)
        evidence = Evidence(
            shares=shares,
            compared=crowd.compared[: n // 5] if "comparisons" in name else None,
            segments=_segments(crowd, n) if "segments" in name else {},
        )
        judged = judge(champion, challenger, SETTINGS, evidence)
        decided = judged.outcome in ("won", "lost") or any(one["state"] != "open" for one in judged.segments)
        ours = ours or decided
        plain = plain or judge(champion, challenger, SETTINGS).outcome in ("won", "lost")
    return ours, plain


def _segments(crowd: Crowd, n: int) -> dict[str, list[tuple[Floats, Floats]]]:
    found: dict[str, list[tuple[Floats, Floats]]] = {}
    for segment in range(SEGMENTS):
        own = crowd.segment[:n] == segment
        arms = [own & ~crowd.met[:n], own & crowd.met[:n]]
        one, two = (split_by(crowd.shares[:n][arm], crowd.scores[:n][arm]) for arm in arms)
        found[str(segment)] = [(one[share], two[share]) for share in sorted(set(one) & set(two)) if share < inf]
    return found
