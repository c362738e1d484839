"""What operators see and do: the state of the loop, laps, experiments, promotion and rollback."""

from __future__ import annotations

from typing import Any

from analytics import Store, queries
from learner import Learner, RolledBack


class Operator:
    """The operator's services, for the page, the API and the command line."""

    def __init__(self, store: Store, learner: Learner) -> None:
        self._store, self._learner = store, learner

    def status(self) -> dict[str, Any]:
        """Champion, challenger, experiment, runs, and the numbers of turns, feedback and people."""
        return {**self._learner.status(), **queries.counts(self._store)}

    def satisfaction(self, hours: float) -> list[dict[str, Any]]:
        """Share of thumbs up over time: at, share_up in [0, 1], votes."""
        return queries.satisfaction(self._store, hours)

    def runs(self) -> list[dict[str, Any]]:
        """The newest runs first."""
        return self._learner.runs()

    def run(self, run_id: str) -> dict[str, Any]:
        """One run. Raises UnknownRun."""
        return self._learner.run(run_id)

    def learn(self) -> str:
        """Start a lap. Raises LapRunning."""
        return self._learner.learn("operator")

    def promote(self, adapter: str | None = None, override: str | None = None, actor: str = "operator") -> str:
        """Promote; returns the champion. Raises NotProven, NoExperiment, UnknownAdapter."""
        return self._learner.promote(adapter, actor, override)

    def rollback(self, actor: str = "operator") -> RolledBack:
        """Bring the last champion back. Raises NothingToRollBackTo."""
        return self._learner.rollback(actor)

    def stop_experiment(self, reason: str, actor: str = "operator") -> None:
        """Stop the running experiment. Raises NoExperiment."""
        self._learner.stop_experiment(actor, reason)

    def null_experiment(self, actor: str = "operator") -> str:
        """Send a copy of the champion through an experiment; returns its id. Raises ExperimentRunning."""
        return self._learner.null_experiment(actor)
