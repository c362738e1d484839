"""What the votes of an experiment say by now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from analytics import Store, queries
from learner.experiment.decide import decide
from learner.settings import LearnerSettings

Outcome = Literal["running", "won", "lost", "futile"]
FUTILE_BELOW = 0.002  # chance to win by the end, below which an experiment is given up (docs/experiments.md)


@dataclass(frozen=True)
class Judgement:
    """The outcome and what it was read from; the interval is of challenger minus champion, None before it exists."""

    outcome: Outcome
    reason: str
    users_champion: int
    users_challenger: int
    difference: float | None = None
    lower: float | None = None
    upper: float | None = None
    p_value: float | None = None


def look(store: Store, experiment_id: str, settings: LearnerSettings) -> Judgement:
    """Judge the experiment by the live votes of the decide group on its turns, one mean per person."""
    scores = queries.user_scores(store, experiment_id)
    return judge(scores["champion"], scores["challenger"], settings)


def judge(champion: NDArray[np.float64], challenger: NDArray[np.float64], settings: LearnerSettings) -> Judgement:
    """Judge from each arm's mean votes per user, arrays of shape (users,) with values in [0, 1]."""
    n_a, n_b = len(champion), len(challenger)
    if min(n_a, n_b) < 2:
        return Judgement("running", "Waiting for the first votes.", n_a, n_b)
    decision = decide(
        *(n_a, champion.sum(), (champion**2).sum()),
        *(n_b, challenger.sum(), (challenger**2).sum()),
        alpha=settings.experiment_alpha,
        n_star=settings.experiment_n_star,
    )
    difference = float(challenger.mean() - champion.mean())
    lower, upper = float(decision.lower), float(decision.upper)
    outcome, reason = _outcome(n_a, n_b, lower, upper, settings)
    return Judgement(outcome, reason, n_a, n_b, difference, lower, upper, float(decision.p_value))


def _outcome(n_a: int, n_b: int, lower: float, upper: float, settings: LearnerSettings) -> tuple[Outcome, str]:
    interval = f"between {lower:+.3f} and {upper:+.3f} per user"
    if min(n_a, n_b) < settings.experiment_min_users:
        return "running", f"Waiting for {settings.experiment_min_users} people with a vote in each arm."
    if lower > 0:
        return "won", f"The challenger is better by {interval}."
    if upper < 0:
        return "lost", f"The challenger is worse: the difference is {interval}."
    if n_a + n_b >= settings.experiment_max_users:
        return "futile", f"Undecided after {n_a + n_b} people: the difference is {interval}."
    return "running", f"Undecided so far: the difference is {interval}."
