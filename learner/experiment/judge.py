"""What the votes of an experiment say by now, and whether they may be trusted."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from math import inf, isfinite
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from analytics import Store, experiments
from learner.experiment.balance import Balance, balance
from learner.experiment.cuped import Sums, adjusted, paired
from learner.experiment.decide import decide, decide_one, error_of, error_of_one, ln_e_better, p_of
from learner.experiment.forecast import Traffic, chance_to_decide, need
from learner.experiment.guardrails import Guarded, guardrails, watch
from learner.experiment.spending import spend
from learner.settings import LearnerSettings
from safety.bias import REFUSAL_WORDS

Outcome = Literal["running", "won", "lost", "futile", "stopped"]
Scores = NDArray[np.float64]
FUTILE_BELOW = 0.002  # chance to win by the end, below which an experiment is given up (docs/experiments.md)
CUPED_FROM = 100  # people with a vote from before


@dataclass(frozen=True)
class Judgement:
    """The outcome and what it was read from; the interval is of challenger minus champion, None before it exists.

    `alpha` is what this candidate may spend. `comparisons` is the cohort that compared, `balance` the split of people,
    `needed` the meter; each is None where there is nothing to say. All is plain values, for it goes to the store.
    """

    outcome: Outcome
    reason: str
    users_champion: int
    users_challenger: int
    difference: float | None = None
    lower: float | None = None
    upper: float | None = None
    p_value: float | None = None
    alpha: float | None = None
    comparisons: dict[str, Any] | None = None
    balance: dict[str, Any] | None = None
    guardrails: list[dict[str, Any]] = field(default_factory=list)
    needed: dict[str, Any] | None = None


@dataclass(frozen=True)
class Evidence:
    """What stands beside the votes. Each is left out where there is nothing.

    `before` are mean votes from before the experiment of the same people (champion, challenger), NaN for none.
    `compared` are the scores in [-1, 1] of people who compared. `split` has the people (champion, challenger) for each
    share of the challenger. `guarded` has a score per person and arm for each guardrail.
    """

    before: tuple[Scores, Scores] | None = None
    compared: Scores | None = None
    split: list[tuple[tuple[int, int], float]] = field(default_factory=list)
    guarded: dict[str, tuple[Scores, Scores]] = field(default_factory=dict)
    traffic: Traffic | None = None


def look(store: Store, experiment_id: str, settings: LearnerSettings) -> Judgement:
    """Judge the experiment by the live votes of the decide group on its turns, one mean per person."""
    votes = experiments.user_scores(store, experiment_id)
    champion, challenger = votes["champion"], votes["challenger"]
    evidence = Evidence(
        before=(champion.before, challenger.before),
        compared=experiments.comparison_scores(store, experiment_id),
        split=experiments.splits(store, experiment_id),
        guarded=experiments.guarded_scores(store, experiment_id, f"(?i){REFUSAL_WORDS}"),
        traffic=Traffic(*experiments.coming(store, experiment_id, datetime.now(UTC).replace(tzinfo=None))),
    )
    level = alpha_of(experiments.outcomes(store), experiment_id, settings)
    return judge(champion.scores, challenger.scores, settings, evidence, alpha=level)


def alpha_of(outcomes: list[tuple[str, str]], experiment_id: str, settings: LearnerSettings) -> float:
    """What a candidate may spend, from all experiments (id, state) in the order in which they began."""
    if settings.experiment_spending == "each":
        return settings.experiment_alpha
    ids = [name for name, _ in outcomes]
    before = ids.index(experiment_id) if experiment_id in ids else len(ids)
    return spend([state == "won" for _, state in outcomes[:before]], alpha=settings.experiment_alpha).level


def judge(
    champion: Scores,
    challenger: Scores,
    settings: LearnerSettings,
    evidence: Evidence | None = None,
    *,
    alpha: float | None = None,
) -> Judgement:
    """Judge from each arm's mean votes per user, arrays of shape (users,) with values in [0, 1].

    A split that is off and a guardrail that breaks end the experiment, whatever the votes say. `alpha` is that of the
    settings if left out.
    """
    beside, level = evidence or Evidence(), alpha or settings.experiment_alpha
    found = Judgement("running", "Waiting for the first votes.", len(champion), len(challenger), alpha=level)
    split = balance(beside.split) if beside.split else None
    rails = _rails(beside, settings)
    told = [{**asdict(rail), "lower": _finite(rail.lower), "upper": _finite(rail.upper)} for rail in rails]
    found = replace(found, balance=None if split is None else _plain(split), guardrails=told)
    if split is not None and split.alarm:
        people = " and ".join(
            f"{n} where {about:.0f} were due" for n, about in zip(split.people, split.expected, strict=True)
        )
        reason = f"The split of people is off, so no vote can be trusted: champion and challenger have {people}."
        return replace(found, outcome="stopped", reason=reason)
    if broken := [rail for rail in rails if rail.state == "breached"]:
        return replace(found, outcome="stopped", reason=f"A guardrail is breached: {broken[0].reason}.")
    return _by_votes(found, champion, challenger, rails, beside, settings, level)


def _by_votes(
    found: Judgement,
    champion: Scores,
    challenger: Scores,
    rails: tuple[Guarded, ...],
    beside: Evidence,
    settings: LearnerSettings,
    alpha: float,
) -> Judgement:
    """What thumbs and comparisons say together; the interval is that of the thumbs."""
    level = {"alpha": alpha, "n_star": float(settings.experiment_n_star)}
    n_a, n_b = len(champion), len(challenger)
    up, down, compared = _compared(beside.compared, level)
    found = replace(found, comparisons=compared)
    if min(n_a, n_b) < 2:
        return found
    sums = _sums(champion, challenger, beside.before)
    decision, (error, df) = decide(*sums, **level), error_of(*(float(part) for part in sums))
    difference = float(sums.sum_b / sums.n_b - sums.sum_a / sums.n_a)
    if isfinite(decision.lower):
        up += ln_e_better(difference, error, df, **level)
        down += ln_e_better(-difference, error, df, **level)
    found = replace(
        found,
        difference=difference,
        lower=_finite(float(decision.lower)),
        upper=_finite(float(decision.upper)),
        p_value=float(p_of(max(up, down))),
    )
    side = 0 if found.p_value is None or found.p_value > alpha else 1 if up > down else -1
    outcome, reason = _outcome(found, side, error, rails, settings, level)
    return replace(
        found, outcome=outcome, reason=reason, needed=_needed(found, outcome, error, beside, settings, level)
    )


def _outcome(
    found: Judgement,
    side: int,
    error: float,
    rails: tuple[Guarded, ...],
    settings: LearnerSettings,
    level: dict[str, float],
) -> tuple[Outcome, str]:
    n_a, n_b = found.users_champion, found.users_challenger
    if min(n_a, n_b) < settings.experiment_min_users:
        return "running", f"Waiting for {settings.experiment_min_users} people with a vote in each arm."
    if found.lower is None or found.upper is None or found.difference is None:
        return "running", "Waiting for more people with a vote."
    interval = f"between {found.lower:+.3f} and {found.upper:+.3f} per user"
    if found.comparisons:
        interval += f", and {found.comparisons['users']} people compared"
    full = n_a + n_b >= settings.experiment_max_users
    unshown = [rail.name for rail in rails if rail.state == "open"] if settings.experiment_guardrails == "show" else []
    if side > 0 and not unshown:
        return "won", f"The challenger is better by {interval}."
    if side < 0:
        return "lost", f"The challenger is worse: the difference is {interval}."
    if side > 0 and not full:
        return "running", f"The challenger is better by {interval}; not yet shown to hold: {', '.join(unshown)}."
    if full:
        told = f"; not shown to hold: {', '.join(unshown)}" if side > 0 else ""
        return "futile", f"Undecided after {n_a + n_b} people: the difference is {interval}{told}."
    times = settings.experiment_max_users / (n_a + n_b)
    if not side and chance_to_decide(found.difference, error, times, **level) < FUTILE_BELOW:
        return "futile", f"Given up after {n_a + n_b} people, for it would hardly win: the difference is {interval}."
    return "running", f"Undecided so far: the difference is {interval}."


def _sums(champion: Scores, challenger: Scores, before: tuple[Scores, Scores] | None) -> Sums:
    """The arms' sums, by CUPED where enough people are known from before."""
    if before is not None and sum(int(np.isfinite(arm).sum()) for arm in before) >= CUPED_FROM:
        everybody = np.nanmean(np.concatenate(before))
        known = [np.where(np.isnan(arm), everybody, arm) for arm in before]
        return adjusted(paired(champion, known[0]), paired(challenger, known[1]))
    arms = (np.array((len(arm), arm.sum(), arm @ arm), dtype=np.float64) for arm in (champion, challenger))
    return Sums(*(part for arm in arms for part in arm))


def _compared(scores: Scores | None, level: dict[str, float]) -> tuple[float, float, dict[str, Any] | None]:
    """Logs of the e-values that the challenger is better and worse, and the cohort as plain values."""
    if scores is None or not len(scores):
        return 0.0, 0.0, None
    sums = float(len(scores)), float(scores.sum()), float(scores @ scores)
    found, mean = decide_one(*sums, **level), float(scores.mean())
    lower, upper = _finite(float(found.lower)), _finite(float(found.upper))
    told = {"users": len(scores), "difference": mean, "lower": lower, "upper": upper, "p_value": float(found.p_value)}
    if lower is None:
        return 0.0, 0.0, told
    error = error_of_one(*sums)
    return (
        ln_e_better(mean, error, len(scores) - 1, **level),
        ln_e_better(-mean, error, len(scores) - 1, **level),
        told,
    )


def _rails(beside: Evidence, settings: LearnerSettings) -> tuple[Guarded, ...]:
    known = guardrails(
        flags=settings.guardrail_flags,
        refusals=settings.guardrail_refusals,
        rating=settings.guardrail_rating,
        latency=settings.guardrail_latency,
        length=settings.guardrail_length,
    )
    return watch(beside.guarded, known, alpha=settings.experiment_alpha)


def _needed(
    found: Judgement,
    outcome: Outcome,
    error: float,
    beside: Evidence,
    settings: LearnerSettings,
    level: dict[str, float],
) -> dict[str, Any] | None:
    if beside.traffic is None or found.difference is None or outcome != "running":
        return None
    most = float(settings.experiment_max_users)
    return asdict(need(found.difference, error, beside.traffic, datetime.now(UTC), most=most, **level))


def _plain(split: Balance) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in split._asdict().items()}


def _finite(value: float) -> float | None:
    return value if -inf < value < inf else None
