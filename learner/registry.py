"""Which adapters are live. Every move is one append of events and an audit row; files are never changed."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, NamedTuple

from analytics import Event, Experiment, Routing, Store
from learner.adapter import CARD, read_object
from learner.errors import AlreadyChampion, BadAdapter, ExperimentRunning, NoExperiment, NothingToRollBackTo, NotProven
from learner.experiment import Arm, Judgement, RoutingState
from learner.shelf import Shelf

UNUSABLE = "adapter.unusable"  # the action in the audit
log = logging.getLogger(__name__)


class RolledBack(NamedTuple):
    """The champion after a rollback, and the seconds that it took."""

    seconds: float
    champion: str


class Registry:
    """State comes from the store alone; the copy in memory makes `state()` free, for it is asked at every turn.

    `base` names the model that is served and `base_sha256` its weights; `rank` is the engine's largest LoRA rank.
    Moves may be made from any thread; they wait for one another.
    """

    def __init__(
        self, store: Store, home: Path, *, base: str = "starter", base_sha256: str = "", rank: int = 16
    ) -> None:
        self._store, self._lock = store, threading.RLock()
        self._shelf = Shelf(store, home, base.replace("/", "--"), base_sha256, rank)
        self._state = self._read_state()
        self._leave_out_unusable()

    def state(self) -> RoutingState:
        """What is live now."""
        return self._state

    def live(self) -> list[tuple[str, Path]]:
        """Served name and folder of every adapter that the engine must hold: champion, previous and challenger."""
        folders = ((arm.served_name, self._shelf.folder(arm.adapter)) for arm in self._arms())
        return [(name, folder) for name, folder in folders if folder is not None]

    def hold_live(self, load: Callable[[str, Path], None]) -> None:
        """Call `load(name, folder)` for all that is live, and do without what it refuses by raising BadAdapter."""
        for name, folder in self.live():
            try:
                load(name, folder)
            except BadAdapter as error:
                self.do_without(name, str(error))
                self.hold_live(load)  # what takes its place must be held as well
                return

    def _arms(self) -> list[Arm]:
        state = self._state
        return [arm for arm in (state.champion, state.previous, state.challenger) if arm is not None]

    def arm(self, adapter: str) -> Arm:
        """An adapter as an arm. Raises UnknownAdapter, BadAdapter."""
        return self._shelf.arm(adapter)

    def folder(self, adapter: str) -> Path | None:
        """The folder of an adapter; None for what is served as the base. Raises UnknownAdapter."""
        return self._shelf.folder(adapter)

    def adapters(self) -> list[dict[str, Any]]:
        """The latest row of every adapter of the model that is served, the one that changed last first."""
        return [row for row in reversed(self._shelf.latest().values()) if row["base"] == self._shelf.base]

    def adapter(self, adapter: str) -> dict[str, Any]:
        """The latest row of one adapter. Raises UnknownAdapter."""
        return self._shelf.row(adapter)

    def register(
        self,
        run_folder: Path,
        *,
        run_id: str,
        passed: bool,
        reason: str,
        actor: str = "learner",
        along: Callable[[str], Sequence[Event]] = lambda adapter: (),
    ) -> str:
        """Take the adapter of a finished lap under the next version, and return its name. Raises BadAdapter.

        The events that `along` makes of the name are appended together with the adapter.
        """
        card = {
            "manifest": json.loads((run_folder / "manifest.json").read_text()),
            "gates": json.loads((run_folder / "gates.json").read_text())["gates"],
        }
        champion = json.loads((run_folder / "run.json").read_text())["champion_name"]
        return self._shelf.add(run_folder / "adapter", champion, passed, reason, run_id, card, actor, along)

    def copy_of_champion(self, actor: str) -> str:
        """A new adapter whose weights are the champion's, byte for byte, for an experiment without any effect."""
        return self._shelf.add_copy(self._state.champion, actor)

    def pending(self) -> str | None:
        """The newest adapter that passed its gates against the present champion and waits for its experiment."""
        return self._shelf.pending(self._state.champion.adapter)

    def approval(self, adapter: str) -> str | None:
        """Why a person has to promote the adapter, whatever the settings say; None where nobody has to."""
        folder = self._shelf.folder(adapter)
        manifest = read_object(folder / CARD).get("manifest") if folder is not None else None
        return manifest.get("approval") if isinstance(manifest, dict) else None

    def reject(self, adapter: str, reason: str, actor: str = "learner") -> None:
        """Record that an adapter cannot be served after all, so that it waits for no experiment."""
        audit = self._store.audit("adapter.reject", actor, {"adapter": adapter, "reason": reason})
        self._store.append(*self._shelf.moved(adapter, "rejected", reason), audit)

    def start_experiment(self, adapter: str, share: float, actor: str) -> str:
        """Send `share` of the decide group to `adapter`, and return the experiment's id. The engine must hold it."""
        with self._lock:
            state = self._state
            if state.experiment_id is not None:
                raise ExperimentRunning(state.experiment_id)
            arm = self._shelf.arm(adapter)
            experiment_id = f"{adapter}#{len(self._store.rows(f'SELECT 1 FROM {Experiment.table}')) + 1}"
            started = Experiment(experiment_id, state.champion.adapter, adapter, share, "running", "", {})
            events: list[Event] = [started, *self._shelf.moved(adapter, "challenger", f"in {experiment_id}")]
            following = RoutingState(state.champion, state.previous, arm, experiment_id, share)
            self._move(following, "experiment.start", f"{experiment_id} started", actor, events, asdict(started))
            return experiment_id

    def finish_experiment(self, judgement: Judgement, actor: str = "learner") -> None:
        """Record what the running experiment came to. A winner keeps its share of people until it is promoted."""
        with self._lock:
            ended = self._ended(judgement.outcome, judgement.reason, judgement)
            if judgement.outcome == "won":
                self._store.append(ended, self._store.audit("experiment.won", actor, asdict(ended)))
            else:
                self._end(ended, f"experiment.{judgement.outcome}", actor)

    def stop_experiment(self, actor: str, reason: str, found: Judgement | None = None) -> None:
        """Stop the running experiment, of which `found` is recorded; the challenger is retired. Raises NoExperiment."""
        with self._lock:
            self._end(self._ended("stopped", reason, found), "experiment.stop", actor)

    def experiment(self, experiment_id: str) -> dict[str, Any]:
        """The latest row of an experiment: its state (running, won, lost, futile, stopped), reason and detail."""
        sql = f"SELECT * FROM {Experiment.table} WHERE experiment_id = ? ORDER BY rowid DESC LIMIT 1"
        return self._store.rows(sql, (experiment_id,))[0]

    def promote(
        self,
        adapter: str | None,
        actor: str,
        reason: str,
        *,
        override_reason: str | None = None,
        found: Judgement | None = None,
    ) -> str:
        """Make `adapter` (the challenger when None) the champion, and return its name. The engine must hold it.

        An experiment that is not won is stopped, and `found` is recorded of it. Raises NotProven unless it won its
        experiment against the present champion or an `override_reason` is given, and AlreadyChampion.
        """
        with self._lock:
            state = self._state
            if adapter is None and state.challenger is None:
                raise NoExperiment(
                    "There is no challenger to promote; name an adapter and give a reason: "
                    "`./ratchet promote NAME --override REASON`."
                )
            arm = state.challenger if adapter is None else self._shelf.arm(adapter)
            assert arm is not None
            if arm == state.champion:
                raise AlreadyChampion(arm.adapter)
            won = arm == state.challenger and self.experiment(str(state.experiment_id))["state"] == "won"
            if not won and not override_reason:
                raise NotProven(arm.adapter)
            told = f"{arm.adapter} was promoted"
            events: list[Event] = [*self._shelf.moved(arm.adapter, "champion", reason)]
            events += self._shelf.moved(state.champion.adapter, "retired", told)
            if state.challenger not in (None, arm):
                events += self._shelf.moved(state.challenger.adapter, "retired", told)
            if state.experiment_id is not None and not won:
                events.append(self._ended("stopped", told, found))
            detail: dict[str, object] = {"from": state.champion.adapter, "to": arm.adapter, "override": override_reason}
            if won:
                detail["experiment"] = self.experiment(str(state.experiment_id))["detail"]
            self._move(RoutingState(arm, state.champion), "promote", reason, actor, events, detail)
            return arm.adapter

    def rollback(self, actor: str, reason: str, found: Judgement | None = None) -> RolledBack:
        """Bring the last champion back by one routing write; a running experiment is stopped, with what was `found`.

        Raises NothingToRollBackTo for the first champion.
        """
        started = time.perf_counter()
        with self._lock:
            state, restored = self._state, self._state.previous
            if restored is None:
                raise NothingToRollBackTo(state.champion.adapter)
            events: list[Event] = [*self._shelf.moved(state.champion.adapter, "retired", reason)]
            events += self._shelf.moved(restored.adapter, "champion", reason)
            if state.experiment_id is not None and state.challenger is not None:
                events += self._shelf.moved(state.challenger.adapter, "retired", reason)
                events.append(self._ended("stopped", reason, found))
            detail: dict[str, object] = {"from": state.champion.adapter, "to": restored.adapter}
            following = RoutingState(restored, self._before(restored))
            self._move(following, "rollback", reason, actor, events, detail)
            return RolledBack(time.perf_counter() - started, restored.adapter)

    def do_without(self, adapter: str, reason: str) -> None:
        """Serve what is live without `adapter`, which cannot be served; in place of a champion the one before it.

        An experiment that it had a part in is stopped. Nothing happens when it is not live.
        """
        with self._lock:
            state, following = self._state, self._without(adapter)
            if following == state:
                return
            log.error("%s", _gone(adapter, reason))
            events: list[Event] = [*self._shelf.moved(adapter, "rejected", reason)]
            if following.champion != state.champion:
                events += self._shelf.moved(following.champion.adapter, "champion", f"in place of {adapter}")
            if following.experiment_id != state.experiment_id:
                if state.challenger is not None and state.challenger.adapter != adapter:
                    events += self._shelf.moved(state.challenger.adapter, "retired", reason)
                events.append(self._ended("stopped", reason, None))
            detail: dict[str, object] = {"adapter": adapter, "from": state.champion.adapter}
            self._move(following, UNUSABLE, reason, "learner", events, {**detail, "to": following.champion.adapter})

    def warning(self) -> str | None:
        """What cannot be served any more and why, until somebody promotes or rolls back; None when all is well."""
        sql = (
            "WITH moves AS (SELECT * FROM audit WHERE action IN ('promote', 'rollback', $unusable) "
            "AND (detail->>'base') = $base AND (detail->>'base_sha256') = $sha256) "
            "SELECT detail FROM moves WHERE action = $unusable "
            "AND seq > coalesce((SELECT max(seq) FROM moves WHERE action <> $unusable), -1) ORDER BY seq"
        )
        base = self._shelf.base_arm.weights_sha256
        rows = self._store.rows(sql, {"unusable": UNUSABLE, "base": self._shelf.base, "sha256": base})
        if not rows:
            return None
        told = " ".join(_gone(row["detail"]["adapter"], row["detail"]["reason"]) for row in rows)
        return f"{told} The champion is {self._state.champion.adapter}."

    def _without(self, adapter: str) -> RoutingState:
        state = self._state
        if state.champion.adapter == adapter:
            champion = state.previous or self._shelf.base_arm
            before = self._before(champion)
            return RoutingState(champion, None if before is None or before.adapter == adapter else before)
        if state.previous is not None and state.previous.adapter == adapter:
            return replace(state, previous=None)
        if state.challenger is not None and state.challenger.adapter == adapter:
            return RoutingState(state.champion, state.previous)
        return state

    def _ended(self, state: str, reason: str, found: Judgement | None) -> Experiment:
        live, detail = self._state, asdict(found) if found else {}
        if live.experiment_id is None or live.challenger is None:
            raise NoExperiment("No experiment is running.")
        arms = (live.champion.adapter, live.challenger.adapter)
        return Experiment(live.experiment_id, *arms, live.share, state, reason, detail)  # type: ignore[arg-type]

    def _end(self, ended: Experiment, action: str, actor: str) -> None:
        state = self._state
        events: list[Event] = [ended, *self._shelf.moved(ended.challenger, "retired", ended.reason)]
        following = RoutingState(state.champion, state.previous)
        self._move(following, action, ended.reason, actor, events, asdict(ended))

    def _move(
        self,
        following: RoutingState,
        action: str,
        reason: str,
        actor: str,
        events: Sequence[Event],
        detail: dict[str, object],
    ) -> None:
        previous, challenger = (arm.adapter if arm else None for arm in (following.previous, following.challenger))
        routing = Routing(
            champion=following.champion.adapter,
            previous=previous,
            challenger=challenger,
            experiment_id=following.experiment_id,
            share=following.share,
            reason=reason,
            actor=actor,
            base=self._shelf.base,
            base_sha256=self._shelf.base_arm.weights_sha256,
        )
        # "base" under another model is another champion, so the audit names the model as well.
        told = {"reason": reason, "base": routing.base, "base_sha256": routing.base_sha256, **detail}
        self._store.append(*events, routing, self._store.audit(action, actor, told))
        self._state = following

    def _before(self, arm: Arm) -> Arm | None:
        """The champion before `arm` at the time it was champion last, so that one can roll back step by step."""
        row = self._newest("champion = ?", arm.adapter)
        return self._usable(row["previous"]) if row else None

    def _newest(self, where: str, *parameters: object) -> dict[str, object] | None:
        """The newest routing of the model that is served: "base" under another model is another champion."""
        sql = (
            f"SELECT * FROM {Routing.table} WHERE (base IS NULL OR (base = ? AND base_sha256 = ?)) AND {where} "
            "ORDER BY rowid DESC LIMIT 1"
        )
        rows = self._store.rows(sql, (self._shelf.base, self._shelf.base_arm.weights_sha256, *parameters))
        return rows[0] if rows else None

    def _usable(self, adapter: object) -> Arm | None:
        """The arm, unless its files were changed or the engine could not serve it."""
        try:
            return None if adapter is None else self._shelf.arm(str(adapter))
        except BadAdapter:
            return None

    def _read_state(self) -> RoutingState:
        row = self._newest("true")
        if row is None:
            return RoutingState(self._shelf.base_arm)
        champion = self._shelf.recorded(str(row["champion"]))
        previous, challenger = (
            None if row[role] is None else self._shelf.recorded(str(row[role])) for role in ("previous", "challenger")
        )
        experiment_id = None if row["experiment_id"] is None else str(row["experiment_id"])
        return RoutingState(champion, previous, challenger, experiment_id, float(str(row["share"])))

    def _leave_out_unusable(self) -> None:
        """Do without what was changed since it was live last, or what the engine takes no longer."""
        for arm in self._arms():
            try:
                self._shelf.arm(arm.adapter)
            except BadAdapter as error:
                self.do_without(arm.adapter, str(error))


def _gone(adapter: str, reason: str) -> str:
    return f"{adapter} is not served any more: {reason}{'' if reason.endswith('.') else '.'}"
