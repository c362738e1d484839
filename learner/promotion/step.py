"""A winner on its way to everybody: whether a step of its rollout may be followed by the next.

The winner of an experiment is chosen for its votes, the best of as many as were tried, so those votes flatter it.
Before everybody has it, it is tested again on **fresh** votes: of people who decide, who had not met the experiment
when it was won, cast afterwards. What they show is kept beside the first. Its interval holds whenever one stops; the
estimate alone is still a little kind, since a re-test ends when it confirms. The holdback's later one is not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal

from analytics import Store, rollouts
from analytics.rollouts import Pair, Served
from learner.experiment import Guarded, RoutingState
from learner.experiment.guardrails import REFUSAL
from learner.promotion.compare import Compared, compare, rails
from learner.registry import Registry
from learner.settings import LearnerSettings

Verdict = Literal["wait", "next", "back"]


@dataclass(frozen=True)
class Step:
    """A step as it stands. `following` is the share that comes next, `people` are those on the challenger in this step.

    The people who decide keep at least the share of their experiment, which is `decide_share`.
    `fresh` is the challenger against the champion on votes after the win, `promised` their difference before it, when
    it was the best of `tried` candidates against this champion.
    """

    experiment_id: str
    champion: str
    challenger: str
    share: float
    decide_share: float
    following: float
    verdict: Verdict
    reason: str
    people: int
    minutes: float
    fresh: Compared
    promised: float | None = None
    tried: int = 1
    guardrails: list[dict[str, Any]] = field(default_factory=list)

    def to_values(self) -> dict[str, Any]:
        """All of it as plain values, for the store and the status."""
        return asdict(self)


def judge_step(
    share: float,
    people: int,
    minutes: float,
    fresh: Compared,
    watched: tuple[Guarded, ...],
    settings: LearnerSettings,
) -> tuple[Verdict, str]:
    """What is to be done at a step that serves `share` of all people since `minutes`, and why."""
    last = following(share, settings) == 1
    if broken := [rail for rail in watched if rail.state == "breached"]:
        return "back", f"A guardrail is breached: {broken[0].reason}."
    fewest, both = settings.rollout_min_users, min(fresh.users_old, fresh.users_new)
    if fresh.upper is not None and fresh.upper < 0 and both >= fewest:
        return "back", f"On fresh traffic it is worse: {fresh.words()}."
    if people < fewest:
        return "wait", f"Waiting for {fewest} people on the challenger in this step; there are {people}."
    if minutes < settings.rollout_minutes:
        return "wait", f"This step takes {settings.rollout_minutes:g} minutes at least."
    if not last:
        return "next", f"{people} people have met it, and no guardrail is breached."
    return _last(both, fresh, watched, settings)


def _last(both: int, fresh: Compared, watched: tuple[Guarded, ...], settings: LearnerSettings) -> tuple[Verdict, str]:
    fewest = settings.rollout_min_users
    if both < fewest:
        return "wait", f"Waiting for {fewest} people with a fresh vote in each arm; the fewer are {both}."
    unshown = (
        [rail.name for rail in watched if rail.state == "open"] if settings.experiment_guardrails == "show" else []
    )
    confirmed = fresh.p_value <= settings.rollout_alpha
    if confirmed and not unshown:
        return "next", f"Fresh traffic confirms it: {fresh.words()}."
    if fresh.users_old + fresh.users_new >= settings.experiment_max_users:
        return "back", f"Fresh traffic does not confirm it: {fresh.words()}."
    if confirmed:
        return "wait", f"Fresh traffic confirms it; not yet shown to hold: {', '.join(unshown)}."
    return "wait", f"Fresh traffic has not confirmed it yet: {fresh.words()}."


def following(share: float, settings: LearnerSettings) -> float:
    """The first share of the settings above `share`."""
    return next(step for step in settings.steps() if step > share or step == 1)


def look_at_step(
    store: Store, registry: Registry, settings: LearnerSettings, state: RoutingState, now: datetime
) -> Step:
    """The step of the rollout that `state` has; `now` has a time zone.

    Every step begins its guardrails anew, while its votes go on.
    """
    moved = registry.moved()
    assert state.challenger is not None and state.experiment_id is not None
    old, new = Served("champion", state.champion.adapter), Served("challenger", state.challenger.adapter)
    guarded = rollouts.guarded(store, old, new, since=moved.seq, refusal=REFUSAL)
    alpha = settings.experiment_alpha / max(1, len(settings.steps()) - 1)
    watched = rails(guarded, settings, alpha)
    fresh = compare(fresh_votes(store, state), settings)
    people, minutes = len(guarded["flags"].new), (now - moved.at).total_seconds() / 60
    verdict, reason = judge_step(state.rollout, people, minutes, fresh, watched, settings)
    return Step(
        experiment_id=state.experiment_id,
        champion=old.adapter,
        challenger=new.adapter,
        share=state.rollout,
        decide_share=state.reach("decide"),
        following=following(state.rollout, settings),
        verdict=verdict,
        reason=reason,
        people=people,
        minutes=round(minutes, 1),
        fresh=fresh,
        promised=promised(registry.experiment(state.experiment_id)),
        tried=rollouts.tried(store, old.adapter),
        guardrails=[rail.to_values() for rail in watched],
    )


def fresh_votes(store: Store, state: RoutingState) -> Pair:
    """The votes of people who decide and met the winner or the champion for the first time after the win."""
    assert state.challenger is not None and state.experiment_id is not None
    return rollouts.fresh_votes(
        store,
        Served("champion", state.champion.adapter),
        Served("challenger", state.challenger.adapter),
        since=rollouts.won_at(store, state.experiment_id),
        groups=rollouts.DECIDE,
        known=state.experiment_id,
        also=state.experiment_id,
    )


def promised(experiment: Mapping[str, Any]) -> float | None:
    """The difference with which an experiment was won."""
    return (experiment["detail"] or {}).get("difference")
