"""Who is sent where while an experiment runs: what people have met, the share of those who come new, the segments."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from analytics import Store, experiments
from learner.experiment.plan import Plan, thompson
from learner.experiment.route import Met, Route, RoutingState, held_back, route
from learner.people import Group
from learner.segments import SegmentChampions

Messages = Sequence[Mapping[str, Any]]


class Live(Protocol):
    """What is asked of the registry."""

    segments: SegmentChampions

    def state(self) -> RoutingState:
        """What is live now."""


@dataclass
class Running:
    """The experiment that runs: its plan, what everybody has met, and the share that the votes have moved."""

    experiment_id: str
    plan: Plan
    met: dict[str, Met] = field(default_factory=dict)
    adapted: float | None = None
    adapted_at: int = 0  # people met

    @property
    def share(self) -> float:
        """The challenger's share of whoever comes new."""
        return self.plan.share(len(self.met)) if self.adapted is None else self.adapted


class Assignments:
    """Routes turns. It remembers in memory what people have met, and reads that from the store once per experiment.

    A person keeps the arm of their first turn for the whole experiment; ramps and allocation touch those who come new.
    """

    def __init__(self, store: Store, registry: Live) -> None:
        self._store, self._registry = store, registry
        self._lock = threading.Lock()
        self._running: Running | None = None

    def running(self) -> Running | None:
        """The experiment that runs; None without one."""
        state = self._registry.state()
        if state.experiment_id is None:
            return None
        with self._lock:
            return self._of(state.experiment_id)

    def route(self, person: str, group: Group, messages: Messages = (), *, other_arm: bool = False) -> Route:
        """Where a turn of the person goes. With `other_arm` it goes to the arm that they do not have.

        Only who compares is sent to the other arm; for everybody else that changes nothing.
        """
        state, segments = self._registry.state(), self._registry.segments
        segment = segments.of(person, messages)
        if group != "decide" or state.experiment_id is None or state.challenger is None:
            return replace(segments.served(route(person, group, state), segment), segment=segment)
        with self._lock:
            running = self._of(state.experiment_id)
            if state.rollout or held_back(person, state):
                # A share that followed the votes may have grown beyond the one that the experiment began with.
                chosen = route(person, group, replace(state, share=max(state.share, running.share)))
            elif running.plan.compares(person, running.experiment_id):
                chosen = replace(self._beside(person, state, running, other_arm), cohort="compare")
            else:
                chosen = self._sent(person, state, running)
        return replace(segments.served(chosen, segment), segment=segment)

    def look(self) -> None:
        """Move the share by the votes, where a batch is full and the plan says so."""
        running = self.running()
        if running is None or not running.plan.adapts(len(running.met)):
            return
        if running.adapted is not None and len(running.met) < running.adapted_at + running.plan.batch:
            return
        votes, at = experiments.user_scores(self._store, running.experiment_id), len(running.met)
        share = thompson(votes["champion"].scores, votes["challenger"].scores, seed=at)
        with self._lock:
            running.adapted, running.adapted_at = share, at

    def _sent(self, person: str, state: RoutingState, running: Running) -> Route:
        met = running.met.get(person)
        chosen = route(person, "decide", replace(state, share=running.share), met)
        if met is None and chosen.propensity is not None:
            running.met[person] = Met(chosen.arm, chosen.propensity)
        return chosen

    def _beside(self, person: str, state: RoutingState, running: Running, other_arm: bool) -> Route:
        """The route of somebody who compares, whose own arm is drawn by a share that stays."""
        chosen = route(person, "decide", replace(state, share=running.plan.shares[-1]))
        if not other_arm or chosen.propensity is None or state.challenger is None:
            return chosen
        return route(person, "decide", state, Met(_OTHER[chosen.arm], 1 - chosen.propensity))

    def _of(self, experiment_id: str) -> Running:
        running = self._running
        if running is None or running.experiment_id != experiment_id:
            values = experiments.plan(self._store, experiment_id)
            share = self._registry.state().share
            running = Running(experiment_id, Plan.from_values(values) if values else Plan((share,)))
            for person, arm, propensity in experiments.met(self._store, experiment_id):
                running.met[person] = Met(arm, propensity)  # type: ignore[arg-type]
            self._running = running
        return running


_OTHER: Mapping[Any, Any] = {"champion": "challenger", "challenger": "champion"}
