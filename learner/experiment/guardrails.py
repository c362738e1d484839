"""What a challenger must not spoil, whatever the votes say: non-inferiority, by the test that decides as well."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import exp, isfinite, log
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from learner.experiment.decide import decide_difference
from learner.experiment.strata import Difference, split_by, within
from learner.settings import LearnerSettings
from safety.bias import REFUSAL_WORDS

Scores = NDArray[np.float64]
State = Literal["held", "open", "breached"]
GLARING = 3.0  # margins
REFUSAL = f"(?i){REFUSAL_WORDS}"  # in answers, for the store's regular expressions


@dataclass(frozen=True)
class Guardrail:
    """A score per user that may get worse by less than `margin`, in its own unit.

    `share` says that the score is one of answers, in [0, 1]. Others are logarithms, whose differences are ratios.
    """

    name: str
    margin: float
    more_is_worse: bool
    share: bool
    told: str

    def words(self, harm: float) -> str:
        """A harm as a person reads it."""
        return f"{100 * harm:+.1f} points" if self.share else f"{100 * (exp(harm) - 1):+.0f}%"


def guardrails(flags: float, refusals: float, rating: float, latency: float, length: float) -> tuple[Guardrail, ...]:
    """The five with their margins: shares for the first three; growth as a share, such as 0.25, for the last two."""
    return (
        Guardrail("flags", flags, True, True, "turns in which a filter found something"),
        Guardrail("refusals", refusals, True, True, "answers that refuse or were blocked"),
        Guardrail("rating rate", rating, False, True, "answers that got a vote"),
        Guardrail("latency", log(1 + latency), True, False, "time to the end of an answer, geometric mean"),
        Guardrail("length", log(1 + length), True, False, "tokens of an answer, geometric mean"),
    )


def of_settings(settings: LearnerSettings) -> tuple[Guardrail, ...]:
    """The five with the margins of the settings."""
    return guardrails(
        flags=settings.guardrail_flags,
        refusals=settings.guardrail_refusals,
        rating=settings.guardrail_rating,
        latency=settings.guardrail_latency,
        length=settings.guardrail_length,
    )


@dataclass(frozen=True)
class Guarded:
    """How one guardrail stands: the interval of the harm, in its unit, is valid at every look."""

    name: str
    state: State
    lower: float
    upper: float
    margin: float
    reason: str

    def to_values(self) -> dict[str, Any]:
        """The fields by name, for the store; an end that is not known yet is None."""
        ends = {name: end if isfinite(end) else None for name, end in (("lower", self.lower), ("upper", self.upper))}
        return {**asdict(self), **ends}


def watch(scores: Mapping[str, tuple[Scores, ...]], rails: Sequence[Guardrail], *, alpha: float) -> tuple[Guarded, ...]:
    """Judge each guardrail at alpha / their number, from champion's and challenger's scores, shape (users,) each.

    Where shares moved, those at which these people came follow, for both arms as well: they are compared within each.

    Held where the harm is surely below the margin, breached where it is surely above, open until one of them is known.
    Both are asked at half of that alpha: whether it holds by an interval that is tightest for a harm of the margin's
    size, whether it breaks by one for harms of `GLARING` times that, which should be seen soon.
    """
    return tuple(
        _guarded(rail, _difference(scores[rail.name]), alpha / len(rails)) for rail in rails if rail.name in scores
    )


def _difference(scores: tuple[Scores, ...]) -> Difference | None:
    champion, challenger, *shares = scores
    if not shares or len(np.unique(np.concatenate(shares))) < 2:
        return within([(champion, challenger)])
    one, two = split_by(shares[0], champion), split_by(shares[1], challenger)
    return within([(one[share], two[share]) for share in sorted(set(one) & set(two))])


def _guarded(rail: Guardrail, apart: Difference | None, alpha: float) -> Guarded:
    ends = [_harm(rail, apart, alpha / 2, rail.margin * times) for times in (1.0, GLARING)]
    lower, upper = max(low for low, _ in ends), min(high for _, high in ends)
    state: State = "held" if upper < rail.margin else "breached" if lower > rail.margin else "open"
    if not np.isfinite(upper):
        return Guarded(rail.name, state, -np.inf, np.inf, rail.margin, f"{rail.name}: too few people yet")
    worse = f"worse by {rail.words(lower)} to {rail.words(upper)}, and {rail.words(rail.margin)} is allowed"
    return Guarded(rail.name, state, lower, upper, rail.margin, f"{rail.name} ({rail.told}): {worse}")


def _harm(rail: Guardrail, apart: Difference | None, alpha: float, tuned: float) -> tuple[float, float]:
    if apart is None:
        return -np.inf, np.inf
    found = decide_difference(*apart, alpha=alpha, n_star=1.5 * log(2 / alpha) / tuned**2)
    lower, upper = float(found.lower), float(found.upper)
    return (lower, upper) if rail.more_is_worse else (-upper, -lower)
