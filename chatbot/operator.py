"""What operators see and do: the state of the loop, laps, experiments, promotion and rollback."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from analytics import Store, queries
from analytics.audit import Chain, decisions
from learner import Learner, RecipeName, RolledBack

AUDIT_SECONDS = 60.0  # between two walks along the audit chain: the page asks for the status every other second


class Operator:
    """The operator's services, for the page, the API and the command line.

    `classifier` tells which one screens, where one does, and `policy` what of the policy is not as it was approved;
    `serving` which engine has the champion, and why.
    """

    def __init__(
        self,
        store: Store,
        learner: Learner,
        classifier: Callable[[], str] | None = None,
        policy: Callable[[], str] | None = None,
        serving: Callable[[], dict[str, Any]] | None = None,
    ) -> None:
        self._store, self._learner, self._classifier, self._policy = store, learner, classifier, policy
        self._serving = serving
        self._audit: dict[str, Any] = {}
        self._audit_until = 0.0

    def status(self) -> dict[str, Any]:
        """Champion, challenger, experiment, runs, counts, audit, classifier, policy, and the open alarms of drift.

        `serving` is which engine has the champion: state, engine, what is `told` of it, adapter and figures; None while
        no server runs.
        """
        classifier = self._classifier() if self._classifier is not None else None
        counts = queries.counts(self._store)
        policy = (self._policy() or None) if self._policy is not None else None
        return {
            **self._learner.status(),
            **counts,
            "audit": self.audit(),
            "classifier": classifier,
            "policy": policy,
            "drift": self._learner.drift.warning(),
            "serving": self._serving() if self._serving is not None else None,
        }

    def audit(self) -> dict[str, Any]:
        """Whether the chain of decisions is `whole`, at most a minute ago: how many there are, or where it breaks."""
        if time.monotonic() >= self._audit_until:
            chain = self.chain()
            told = {"decisions": chain.decisions} if chain.whole else {"reason": chain.reason}
            self._audit = {"whole": chain.whole, **told}
            self._audit_until = time.monotonic() + AUDIT_SECONDS
        return self._audit

    def chain(self, noted: Sequence[str] = ()) -> Chain:
        """What a walk along the chain of decisions finds now; `noted` are hashes from elsewhere, or COUNT:HASH."""
        anchors = [one.rpartition(":")[::2] for one in noted]
        return self._store.audit_chain([(int(count) if count else None, anchor) for count, anchor in anchors])

    def decisions(
        self, *, action: str | None = None, since: datetime | None = None, before: int | None = None, limit: int = 100
    ) -> list[dict[str, Any]]:
        """The newest decisions first; `action` is one, or the part before its dot, `before` a place."""
        return decisions(self._store, action=action, since=since, before=before, limit=limit)

    def drift(self) -> dict[str, Any]:
        """Generations, windows and alarms of the monitor of drift."""
        return self._learner.drift.report()

    def acknowledge_drift(self, alarm_id: str, actor: str, note: str, *, accept: bool) -> None:
        """Close an alarm; with `accept` what came since is the new normal. Raises UnknownAlarm."""
        self._learner.drift.acknowledge(alarm_id, actor, note, accept=accept)

    def satisfaction(self, hours: float) -> list[dict[str, Any]]:
        """Share of thumbs up over time: at, share_up in [0, 1], votes."""
        return queries.satisfaction(self._store, hours)

    def runs(self) -> list[dict[str, Any]]:
        """The newest runs first."""
        return self._learner.runs()

    def run(self, run_id: str) -> dict[str, Any]:
        """One run. Raises UnknownRun."""
        return self._learner.run(run_id)

    def adapters(self) -> list[dict[str, Any]]:
        """Every adapter of the model that is served, the one that changed last first."""
        return self._learner.registry.adapters()

    def card(self, adapter: str) -> dict[str, Any]:
        """The promotion card of an adapter. Raises UnknownAdapter."""
        return self._learner.card(adapter)

    def learn(self, recipe: RecipeName | None = None) -> str:
        """Start a lap, by `recipe` instead of that of the settings. Raises LapRunning."""
        return self._learner.learn("operator", recipe)

    def self_review(self, sample: int) -> str:
        """Have the model read past answers again. Raises LapRunning."""
        return self._learner.self_review(sample)

    def promote(
        self,
        adapter: str | None = None,
        override: str | None = None,
        actor: str = "operator",
        person: str | None = None,
    ) -> str:
        """Promote; returns the champion. Raises what `Learner.promote` raises; `person` is whose the actor's key is."""
        return self._learner.promote(adapter, actor, override, person)

    def rollback(self, actor: str = "operator") -> RolledBack:
        """Bring the last champion back. Raises NothingToRollBackTo."""
        return self._learner.rollback(actor)

    def stop_experiment(self, reason: str, actor: str = "operator") -> None:
        """Stop the running experiment. Raises NoExperiment."""
        self._learner.stop_experiment(actor, reason)

    def preview(self, adapter: str | None = None, share: float | None = None) -> dict[str, Any]:
        """What another routing of the newest experiment would have come to: `share` of the people on the challenger.

        An `adapter` stands for everybody on that arm. Raises BadScores, NoExperiment.
        """
        return self._learner.preview(adapter, share)

    def null_experiment(self, actor: str = "operator") -> str:
        """Send a copy of the champion through an experiment; returns its id. Raises ExperimentRunning."""
        return self._learner.null_experiment(actor)
