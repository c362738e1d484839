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
from learner.experiment.decide import Decision, decide_difference, decide_one, error_of, error_of_one, ln_e_better, p_of
from learner.experiment.forecast import Traffic, chance_to_decide, need
from learner.experiment.guardrails import REFUSAL, Guarded, of_settings, watch
from learner.experiment.plan import Plan
from learner.experiment.spending import spend
from learner.experiment.strata import Difference, split_by, within
from learner.settings import LearnerSettings

Outcome = Literal["running", "won", "lost", "futile", "stopped"]
Scores = NDArray[np.float64]
FUTILE_BELOW = 0.002  # chance to win by the end, below which an experiment is given up (docs/experiments.md)
CUPED_FROM = 100  # people with a vote from before


@dataclass(frozen=True)
class Judgement:
    """The outcome and what it was read from; the interval is of challenger minus champion, None before it exists.

    `alpha` is what this candidate may spend, and `level` the part of it for everybody together: half, where the other
    half is for segments.
    `comparisons` is the cohort that compared, `balance` the split of people, `needed` the meter; each is None where
    there is nothing to say. `p_value` is of votes and comparisons together, `p_thumbs` of votes alone. `shares` are
    those of the challenger that were in force. `won_in` are the segments in which alone it won; empty for everywhere.
    All is plain values, for it goes to the store.
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
    p_thumbs: float | None = None
    level: float | None = None
    shares: list[float] = field(default_factory=list)
    segments: list[dict[str, Any]] = field(default_factory=list)
    won_in: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Evidence:
    """What stands beside the votes. Each is left out where there is nothing.

    `before` are mean votes from before the experiment of the same people (champion, challenger), NaN for none.
    `compared` are the scores in [-1, 1] of people who compared. `split` has the people (champion, challenger) for each
    share of the challenger. `guarded` has a score per person and arm for each guardrail. `shares` are those at which
    people came (champion, challenger). `segments` has the strata, scores (champion, challenger), of each that may win.
    """

    before: tuple[Scores, Scores] | None = None
    compared: Scores | None = None
    split: list[tuple[tuple[int, int], float]] = field(default_factory=list)
    guarded: dict[str, tuple[Scores, ...]] = field(default_factory=dict)
    traffic: Traffic | None = None
    shares: tuple[Scores, Scores] | None = None
    segments: dict[str, list[tuple[Scores, Scores]]] = field(default_factory=dict)


def look(store: Store, experiment_id: str, settings: LearnerSettings) -> Judgement:
    """Judge the experiment by the live votes of the decide group on its turns, one mean per person."""
    votes = experiments.user_scores(store, experiment_id)
    champion, challenger = votes["champion"], votes["challenger"]
    planned = experiments.plan(store, experiment_id)
    evidence = Evidence(
        shares=(champion.shares, challenger.shares),
        segments=_segments(store, experiment_id, Plan.from_values(planned)) if planned else {},
        before=(champion.before, challenger.before),
        compared=experiments.comparison_scores(store, experiment_id),
        split=experiments.splits(store, experiment_id),
        guarded=experiments.guarded_scores(store, experiment_id, REFUSAL),
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
    rails = watch(beside.guarded, of_settings(settings), alpha=settings.experiment_alpha)
    told = [rail.to_values() for rail in rails]
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
    """What thumbs and comparisons say together; the interval is that of the thumbs.

    The cohorts have no person in common, so the product of their e-values is one: a win may come from either or from
    both, and the error is spent once.
    """
    level = {"alpha": alpha / 2 if beside.segments else alpha, "n_star": float(settings.experiment_n_star)}
    up, down, compared = _compared(beside.compared, level)
    segments = _claims(beside.segments, alpha, settings)
    found = replace(found, comparisons=compared, segments=segments, shares=_shares(beside), level=level["alpha"])
    apart = _difference(champion, challenger, beside)
    if apart is not None:
        decision = decide_difference(*apart, alpha=level["alpha"], n_star=level["n_star"])
        more, less = _both_sides(apart, decision, level)
        up, down = up + more, down + less
        found = replace(
            found,
            difference=apart.value,
            lower=_finite(float(decision.lower)),
            upper=_finite(float(decision.upper)),
            p_thumbs=float(decision.p_value),
        )
    if apart is None and compared is None:
        return found
    found = replace(found, p_value=float(p_of(max(up, down))))
    side = 0 if found.p_value is None or found.p_value > level["alpha"] else 1 if up > down else -1
    error = None if apart is None else apart.variance
    outcome, reason = _outcome(found, side, error, rails, settings, level)
    found = replace(found, outcome=outcome, reason=reason)
    found = _in_segments(found, rails, settings)
    return replace(found, needed=_needed(found, found.outcome, error, beside, settings, level))


def _outcome(
    found: Judgement,
    side: int,
    error: float | None,
    rails: tuple[Guarded, ...],
    settings: LearnerSettings,
    level: dict[str, float],
) -> tuple[Outcome, str]:
    n_a, n_b = found.users_champion, found.users_challenger
    compared = found.comparisons["users"] if found.comparisons else 0
    if min(n_a, n_b) < settings.experiment_min_users and compared < settings.experiment_min_users:
        return "running", f"Waiting for {settings.experiment_min_users} people with a vote in each arm."
    told = _told(found)
    if told is None:
        return "running", "Waiting for more people with a vote."
    full = n_a + n_b >= settings.experiment_max_users
    unshown = _unshown(rails, settings)
    if side > 0 and not unshown:
        return "won", f"The challenger is better{told}."
    if side < 0:
        return "lost", f"The challenger is worse{told}."
    if side > 0 and not full:
        return "running", f"The challenger is better{told}; not yet shown to hold: {', '.join(unshown)}."
    if full:
        lacking = f"; not shown to hold: {', '.join(unshown)}" if side > 0 else ""
        return "futile", f"Undecided after {n_a + n_b} people{told}{lacking}."
    if found.difference is None or error is None or found.lower is None:
        return "running", f"Undecided so far{told}."
    times = settings.experiment_max_users / (n_a + n_b)
    if not side and chance_to_decide(found.difference, error, times, **level) < FUTILE_BELOW:
        return "futile", f"Given up after {n_a + n_b} people, for it would hardly win{told}."
    return "running", f"Undecided so far{told}."


def _told(found: Judgement) -> str | None:
    """The intervals in words; None while there is none."""
    parts = []
    if found.lower is not None and found.upper is not None:
        parts.append(f"by votes between {found.lower:+.3f} and {found.upper:+.3f} per user")
    if found.comparisons and found.comparisons["lower"] is not None:
        low, high, users = (found.comparisons[name] for name in ("lower", "upper", "users"))
        parts.append(f"by comparisons of {users} people between {low:+.3f} and {high:+.3f}")
    return ": " + ", ".join(parts) if parts else None


def _unshown(rails: tuple[Guarded, ...], settings: LearnerSettings) -> list[str]:
    """The guardrails that a winner has yet to show."""
    return [rail.name for rail in rails if rail.state == "open"] if settings.experiment_guardrails == "show" else []


def _in_segments(found: Judgement, rails: tuple[Guarded, ...], settings: LearnerSettings) -> Judgement:
    """A challenger that does not win for everybody may have won in segments, and is promoted there alone."""
    won = [one["segment"] for one in found.segments if one["state"] == "won"]
    if found.outcome not in ("lost", "futile") or not won or _unshown(rails, settings):
        return found
    return replace(
        found, outcome="won", won_in=won, reason=f"The challenger is better for {', '.join(won)} only. {found.reason}"
    )


def _claims(
    segments: dict[str, list[tuple[Scores, Scores]]], alpha: float, settings: LearnerSettings
) -> list[dict[str, Any]]:
    """What each segment proves at its share of the half of alpha that is for segments."""
    claims: list[dict[str, Any]] = []
    for segment, strata in segments.items():
        level = {"alpha": alpha / 2 / len(segments), "n_star": float(settings.experiment_n_star)}
        apart = within(strata)
        told: dict[str, Any] = {"segment": segment, "alpha": level["alpha"], "state": "open"}
        if apart is not None:
            decision = decide_difference(*apart, alpha=level["alpha"], n_star=level["n_star"])
            side = int(decision.decision) if min(apart.people) >= settings.experiment_min_users else 0
            told |= {"state": {1: "won", -1: "lost", 0: "open"}[side], "difference": apart.value}
            told |= {"lower": _finite(float(decision.lower)), "upper": _finite(float(decision.upper))}
            told |= {"users": list(apart.people), "p_value": float(decision.p_value)}
        claims.append(told)
    return claims


def _segments(store: Store, experiment_id: str, plan: Plan) -> dict[str, list[tuple[Scores, Scores]]]:
    """The strata of the segments that the plan names; what it does not name makes no claim."""
    scores = experiments.segment_scores(store, experiment_id)
    nobody = np.zeros(0), np.zeros(0)
    found: dict[str, list[tuple[Scores, Scores]]] = {}
    for segment in plan.segments:
        arms = [scores.get(segment, {}).get(arm, nobody) for arm in experiments.ARMS]
        found[segment] = _strata(*(arm[0] for arm in arms), *(arm[1] for arm in arms))
    return found


def _strata(champion: Scores, challenger: Scores, share_a: Scores, share_b: Scores) -> list[tuple[Scores, Scores]]:
    one, two = split_by(share_a, champion), split_by(share_b, challenger)
    return [(one[share], two[share]) for share in sorted(set(one) & set(two))]


def _shares(beside: Evidence) -> list[float]:
    """The shares of the challenger at which people came."""
    if beside.shares is None:
        return []
    return sorted({float(share) for arm in beside.shares for share in arm if isfinite(share)})


def _difference(champion: Scores, challenger: Scores, beside: Evidence) -> Difference | None:
    """The difference of the arms: within the shares where those moved, else by CUPED where people are known."""
    if beside.shares is not None and len(_shares(beside)) > 1:
        return within(_strata(champion, challenger, *beside.shares))
    if min(len(champion), len(challenger)) < 2:
        return None
    sums = _sums(champion, challenger, beside.before)
    error, df = error_of(*(float(part) for part in sums))
    value = float(sums.sum_b / sums.n_b - sums.sum_a / sums.n_a)
    return Difference(value, error, df, (len(champion), len(challenger)))


def _both_sides(apart: Difference, decision: Decision, level: dict[str, float]) -> tuple[float, float]:
    """Logs of the e-values that the challenger is better and worse; 0 before there is an interval."""
    if not isfinite(decision.lower):
        return 0.0, 0.0
    value, variance, df, _ = apart
    return ln_e_better(value, variance, df, **level), ln_e_better(-value, variance, df, **level)


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


def _needed(
    found: Judgement,
    outcome: Outcome,
    error: float | None,
    beside: Evidence,
    settings: LearnerSettings,
    level: dict[str, float],
) -> dict[str, Any] | None:
    if beside.traffic is None or found.difference is None or error is None or outcome != "running":
        return None
    most = float(settings.experiment_max_users)
    return asdict(need(found.difference, error, beside.traffic, datetime.now(UTC), most=most, **level))


def _plain(split: Balance) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in split._asdict().items()}


def _finite(value: float) -> float | None:
    return value if -inf < value < inf else None
