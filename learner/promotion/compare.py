"""What fresh votes and guardrails say of two arms outside of an experiment, by the functions that judge experiments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import exp, inf

from analytics.rollouts import Pair
from learner.experiment import Guarded, decide, watch
from learner.experiment.decide import SPENT, error_of, ln_e_better
from learner.experiment.guardrails import of_settings
from learner.settings import LearnerSettings

BURN_IN = 5  # people of an arm before whom nothing is said


@dataclass(frozen=True)
class Compared:
    """New arm minus old, in mean votes per person in [0, 1].

    `lower` and `upper` hold at all looks together at `experiment_alpha`, and are None before they exist. `p_value` is
    one-sided and anytime-valid: how well nothing better would explain what was seen.
    """

    users_old: int
    users_new: int
    difference: float | None = None
    lower: float | None = None
    upper: float | None = None
    p_value: float = 1.0

    def words(self) -> str:
        """As a person reads it."""
        people = f"{self.users_old + self.users_new} people"
        if self.difference is None:
            return f"nothing yet, from {people}"
        told = f"{self.difference:+.3f} per person"
        return told + (f", between {self.lower:+.3f} and {self.upper:+.3f}" if self.lower is not None else "")


def compare(votes: Pair, settings: LearnerSettings) -> Compared:
    """Compare the arms' mean votes per person, as often as one likes."""
    n_old, n_new = len(votes.old), len(votes.new)
    if not n_old or not n_new:
        return Compared(n_old, n_new)
    difference = float(votes.new.mean() - votes.old.mean())
    if min(n_old, n_new) < BURN_IN:
        return Compared(n_old, n_new, difference)
    sums = [float(part) for arm in votes for part in (len(arm), arm.sum(), arm @ arm)]
    n_star = float(settings.experiment_n_star)
    found = decide(*sums, alpha=settings.experiment_alpha, n_star=n_star)
    lower, upper = float(found.lower), float(found.upper)
    # The mixture is that of the level at which the one-sided test is asked.
    ln_e = ln_e_better(difference, *error_of(*sums), alpha=min(0.999, 2 * settings.rollout_alpha), n_star=n_star)
    p_value = min(1.0, exp(-ln_e) / SPENT) if ln_e > 0 else 1.0
    known = -inf < lower and upper < inf
    return Compared(n_old, n_new, difference, lower if known else None, upper if known else None, p_value)


def rails(guarded: Mapping[str, Pair], settings: LearnerSettings, alpha: float) -> tuple[Guarded, ...]:
    """The guardrails of the new arm against the old one, at `alpha` together."""
    return watch({name: (pair.old, pair.new) for name, pair in guarded.items()}, of_settings(settings), alpha=alpha)
