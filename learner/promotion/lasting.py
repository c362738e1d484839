"""The champion beside the one before it, while some people stay there: does the gain last, and does it harm."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from analytics import Store, rollouts
from analytics.rollouts import Served
from learner.experiment.guardrails import REFUSAL
from learner.promotion.compare import Compared, compare, rails
from learner.registry import Registry
from learner.settings import LearnerSettings


@dataclass(frozen=True)
class Lasting:
    """Champion minus previous champion since the promotion.

    The votes are of people who teach nobody and had not met the experiment that was won. `harm` is why the champion has
    to go, and None while nothing is shown.
    """

    champion: str
    previous: str
    share: float
    effect: Compared
    harm: str | None = None
    guardrails: list[dict[str, Any]] = field(default_factory=list)

    def to_values(self) -> dict[str, Any]:
        """All of it as plain values."""
        return asdict(self)


def look_at_lasting(store: Store, registry: Registry, settings: LearnerSettings) -> Lasting | None:
    """What the holdback shows; None where nobody is held back. Everything holds at all looks together."""
    state = registry.state()
    if not state.holdback or state.previous is None:
        return None
    old, new = Served("previous", state.previous.adapter), Served("champion", state.champion.adapter)
    since = registry.promoted_at()
    watched = rails(
        rollouts.guarded(store, old, new, since=since, refusal=REFUSAL), settings, settings.experiment_alpha
    )
    crowned = state.holdback_salt.removeprefix("experiment-")
    votes = rollouts.fresh_votes(store, old, new, since=since, groups=rollouts.NO_PUPILS, known=crowned)
    effect = compare(votes, settings)
    broken = next((rail for rail in watched if rail.state == "breached"), None)
    worse = effect.upper is not None and effect.upper < 0
    worse = worse and min(effect.users_old, effect.users_new) >= settings.rollout_min_users
    harm = f"A guardrail is breached: {broken.reason}." if broken else None
    if harm is None and worse:
        harm = f"It is worse than {old.adapter}: {effect.words()}."
    return Lasting(new.adapter, old.adapter, state.holdback, effect, harm, [rail.to_values() for rail in watched])
