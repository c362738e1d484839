"""The road of a winner: begun by the policy, step by step to everybody, watched from there on, and back on any harm."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from analytics import Store
from learner.errors import RolloutRunning
from learner.experiment import Judgement, RoutingState
from learner.promotion.lasting import Lasting, look_at_lasting
from learner.promotion.policy import Policy
from learner.promotion.step import Step, look_at_step
from learner.registry import Registry
from learner.settings import LearnerSettings

SPARING = 20.0  # times as long as a look took, nobody looks again


class Road:
    """Moves through `registry` alone, so that after a crash everything goes on where the last move left it.

    `now` is the clock, with a time zone. Not thread-safe: the learner calls it under its lock.
    """

    def __init__(
        self,
        store: Store,
        registry: Registry,
        settings: LearnerSettings,
        policy: Policy,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store, self._registry, self._settings, self._policy, self._now = store, registry, settings, policy, now
        self._lasting: Lasting | None = None
        self._next_watch = 0.0

    def set_out(self, reason: str, actor: str = "learner") -> None:
        """Send the winner of the experiment on its way, or straight to everybody where there is only that step.

        One that won in segments alone is their champion at once.
        """
        if self._registry.won_in():
            self._registry.promote_in_segments(actor, reason, self._why())
            return
        first = self._settings.steps()[0]
        if first < 1:
            self._registry.roll_out(first, f"{reason} The first {first:.0%} of all people get it.", actor)
        else:
            self._registry.promote(None, actor, reason, holdback=self._settings.holdback_share, along=self._why())

    def step(self) -> Step:
        """The step that is under way, as it stands."""
        return self._step(self._registry.state())

    def _step(self, state: RoutingState) -> Step:
        return look_at_step(self._store, self._registry, self._settings, state, self._now())

    def advance(self) -> bool:
        """Look at the rollout and take the next step, or go back; returns whether anything was moved."""
        step = self.step()
        if step.verdict == "wait":
            return False
        found = step.to_values()
        if step.verdict == "back":
            self._registry.end_rollout("rolled back", step.reason, "learner", found)
        elif step.following < 1:
            reason = f"{step.reason} {step.following:.0%} of all people get it now."
            self._registry.roll_out(step.following, reason, "learner", found)
        else:
            self._registry.promote(
                None, "learner", step.reason, holdback=self._settings.holdback_share, fresh=found, along=self._why()
            )
        return True

    def promote(
        self, adapter: str | None, actor: str, person: str, override: str | None, found: Judgement | None
    ) -> None:
        """An operator's promotion: of the winner by the policy, or, with a reason, of anything to everybody at once.

        Raises NotProven, NotApproved, NoSignal, RolloutRunning, NoExperiment, AlreadyChampion.
        """
        state = self._registry.state()
        name = adapter or (state.challenger.adapter if state.challenger else None)
        is_winner = state.challenger is not None and name == state.challenger.adapter and self._registry.won()
        if is_winner and state.rollout and not override:
            raise RolloutRunning(str(name), state.rollout)
        if name is not None and (is_winner or override) and name != state.champion.adapter:
            self._policy.check(name, person, overrides=bool(override))
        if is_winner and not override:
            self.set_out("won its experiment.", actor)
            return
        fresh = self.step().to_values() if state.rollout else None
        self._registry.promote(
            adapter,
            actor,
            override or "won its experiment",
            override_reason=override,
            found=found,
            holdback=self._settings.holdback_share,
            fresh=fresh,
            along=self._why(name),
        )

    def watch(self) -> bool:
        """Look at the champion beside the holdback, and bring the previous one back on harm; returns whether it did."""
        if not self._registry.state().holdback:
            self._lasting = None
            return False
        if time.monotonic() < self._next_watch:
            return False
        began = time.monotonic()
        lasting = self._lasting = look_at_lasting(self._store, self._registry, self._settings)
        self._next_watch = time.monotonic() + SPARING * (time.monotonic() - began)
        if lasting is None or lasting.harm is None:
            return False
        if self._registry.state().rollout:  # a rollback would take back the one on its way alone
            self._registry.end_rollout("stopped", f"The champion is rolled back. {lasting.harm}", "learner")
        self._registry.rollback("learner", lasting.harm, along={"lasting": lasting.to_values()})
        return True

    def lasting(self) -> Lasting | None:
        """What the holdback showed when it was looked at last."""
        state, known = self._registry.state(), self._lasting
        if not state.holdback:
            return None
        if known is None or known.champion != state.champion.adapter:
            self._lasting = known = look_at_lasting(self._store, self._registry, self._settings)
        return known

    def _why(self, adapter: str | None = None) -> dict[str, Any]:
        """What the policy was satisfied with, for the audit: approvals and the signal, or that there was none."""
        state = self._registry.state()
        name = adapter or (state.challenger.adapter if state.challenger else None)
        if name is None or name == state.champion.adapter:
            return {}
        approvals = [{"person": one["person"], "name": one["name"]} for one in self._policy.approvals(name)]
        if self._settings.promotion_signal == "off":
            return {"approvals": approvals, "signal": "not asked for"}
        signal = self._policy.signal(name)
        return {"approvals": approvals, "signal": {"holds": signal.holds, "reason": signal.reason}}

    def status(self) -> dict[str, Any]:
        """`promotion` says what the challenger waits for; `rollout` and `holdback` are None where there is none.

        `taken_back` says what was brought back by itself and why, until the next promotion or rollout.
        """
        state = self._registry.state()
        lasting = self.lasting()
        return {
            "promotion": None if state.challenger is None else self._standing(state.challenger.adapter),
            "rollout": {**self._step(state).to_values(), "steps": self._settings.steps()} if state.rollout else None,
            "holdback": None if lasting is None else asdict(lasting),
            "taken_back": self._registry.taken_back(),
        }

    def _standing(self, adapter: str) -> dict[str, Any]:
        signal = None if self._settings.promotion_signal == "off" else self._policy.signal(adapter)
        rolling = bool(self._registry.state().rollout)
        return {
            "adapter": adapter,
            "policy": self._settings.promotion,
            "won": self._registry.won(),
            "needed": self._policy.needed(adapter),
            "approvals": self._policy.approvals(adapter),
            "signal": None if signal is None else {"holds": signal.holds, "reason": signal.reason},
            "waits": None if rolling else self._policy.waits(adapter),
        }
