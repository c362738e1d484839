"""Which adapters are live. Every move is one append of events and an audit row; files are never changed."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

from analytics import Event, Experiment, Rollout, Routing, SegmentChampion, Store
from learner.adapter import CARD, read_object
from learner.errors import (
    AlreadyChampion,
    BadAdapter,
    BadMove,
    ExperimentRunning,
    NoExperiment,
    NothingToRollBackTo,
    NotProven,
)
from learner.experiment import Arm, Judgement, RoutingState, salt_of
from learner.past import Moved, Past
from learner.provenance import trained_by
from learner.segments import SegmentChampions
from learner.shelf import BASE, Shelf
from learner.states import State

UNUSABLE, REVOKE = "adapter.unusable", "adapter.revoke"  # actions in the audit
log = logging.getLogger(__name__)


class RolledBack(NamedTuple):
    """The champion after a rollback, and the seconds that it took."""

    seconds: float
    champion: str


class Registry:
    """State comes from the store alone; the copy in memory makes `state()` free, for it is asked at every turn.

    `base` names the model that is served and `base_sha256` its weights; `rank` is the engine's largest LoRA rank, and
    `segments` the kind of segments that may have champions of their own.
    Moves may be made from any thread; they wait for one another.
    """

    def __init__(
        self,
        store: Store,
        home: Path,
        *,
        base: str = "starter",
        base_sha256: str = "",
        rank: int = 16,
        segments: str = "",
    ) -> None:
        self._store, self._lock = store, threading.RLock()
        self._shelf = Shelf(store, home, base.replace("/", "--"), base_sha256, rank)
        self.on_move: Callable[[], object] = lambda: None  # told of every move, which it must not break
        self.base, self.base_sha256 = self._shelf.base, base_sha256
        self.segments = SegmentChampions(store, segments, self._shelf.base_arm, self._shelf.base, self._shelf.recorded)
        self._past = Past(store, self._shelf)
        self._state = self._past.newest()
        self._leave_out_unusable()

    def state(self) -> RoutingState:
        """What is live now."""
        return self._state

    def live(self) -> list[tuple[str, Path]]:
        """Served name and folder of every adapter that the engine must hold: champions, previous and challenger."""
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
        arms = [arm for arm in (state.champion, state.previous, state.challenger) if arm is not None]
        # What segments were served under the previous champion stays loaded with it.
        return list(dict.fromkeys((*arms, *(arm for one in arms[:2] for arm in self.segments.arms(one.adapter)))))

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
            "training": trained_by(run_folder),
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
        self._store.append(*self._shelf.moved(adapter, "rejected", reason, actor), audit)

    def start_experiment(self, adapter: str, share: float, actor: str, plan: Mapping[str, object] | None = None) -> str:
        """Send `share` of the decide group to `adapter`, and return the experiment's id. The engine must hold it.

        The `plan` is kept with the experiment.
        """
        with self._lock:
            state = self._state
            if state.experiment_id is not None:
                raise ExperimentRunning(state.experiment_id)
            arm = self._shelf.arm(adapter)
            experiment_id = f"{adapter}#{len(self._store.rows(f'SELECT 1 FROM {Experiment.table}')) + 1}"
            started = Experiment(
                experiment_id, state.champion.adapter, adapter, share, "running", "", {"plan": plan} if plan else {}
            )
            events: list[Event] = [started, *self._shelf.moved(adapter, "challenger", f"in {experiment_id}", actor)]
            following = replace(state, challenger=arm, experiment_id=experiment_id, share=share)
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
        """Stop the running experiment, of which `found` is recorded; the challenger is retired. Raises NoExperiment.

        The rollout of a winner is ended as well.
        """
        with self._lock:
            if self._state.rollout:
                self.end_rollout("stopped", reason, actor)
                return
            self._end(self._ended("stopped", reason, found), "experiment.stop", actor)

    def experiment(self, experiment_id: str) -> dict[str, Any]:
        """The latest row of an experiment: its state (running, won, lost, futile, stopped), reason and detail."""
        sql = f"SELECT * FROM {Experiment.table} WHERE experiment_id = ? ORDER BY rowid DESC LIMIT 1"
        return self._store.rows(sql, (experiment_id,))[0]

    def roll_out(
        self, share: float, reason: str, actor: str = "learner", found: Mapping[str, Any] | None = None
    ) -> None:
        """Serve the winner of the experiment to `share` of all people, in (0, 1); `found` is what the last step showed.

        Raises NotProven for a challenger that has not won.
        """
        with self._lock:
            state = self._state
            if state.challenger is None or not self.won():
                raise NotProven(state.challenger.adapter if state.challenger else "Nobody")
            step = self._rolled("running", share, reason, found)
            self._move(replace(state, rollout=share), "rollout.step", reason, actor, [step], asdict(step))

    def end_rollout(
        self, how: Literal["rolled back", "stopped"], reason: str, actor: str, found: Mapping[str, Any] | None = None
    ) -> RolledBack:
        """Serve everybody the champion again and retire the challenger on its way. Raises NoExperiment."""
        started = time.perf_counter()
        with self._lock:
            state = self._state
            if state.challenger is None or not state.rollout:
                raise NoExperiment("No rollout is under way.")
            step = self._rolled(how, state.rollout, reason, found)
            events: list[Event] = [step, *self._shelf.moved(state.challenger.adapter, "retired", reason, actor)]
            self._move(state.alone(), "rollout.end", reason, actor, events, asdict(step))
            return RolledBack(time.perf_counter() - started, state.champion.adapter)

    def won(self) -> bool:
        """Whether the live challenger has won its experiment."""
        experiment_id = self._state.experiment_id
        return experiment_id is not None and self.experiment(experiment_id)["state"] == "won"

    def promote(
        self,
        adapter: str | None,
        actor: str,
        reason: str,
        *,
        override_reason: str | None = None,
        found: Judgement | None = None,
        holdback: float = 0.0,
        fresh: Mapping[str, Any] | None = None,
        along: Mapping[str, Any] | None = None,
    ) -> str:
        """Make `adapter` (the challenger when None) the champion, and return its name. The engine must hold it.

        A share `holdback` of all people stays on the champion of before. An experiment that is not won is stopped, and
        `found` is recorded of it; `fresh` is what traffic after the win showed, and `along` goes to the audit. Raises
        NotProven unless it won its experiment against the present champion or an `override_reason` is given, and
        AlreadyChampion.
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
            won = arm == state.challenger and self.won() and not self.won_in()
            if not won and not override_reason:
                raise NotProven(arm.adapter)
            told = f"{arm.adapter} was promoted"
            events: list[Event] = [*self._shelf.moved(arm.adapter, "champion", reason, actor)]
            events += self._shelf.moved(state.champion.adapter, "retired", told, actor)
            if state.challenger is not None and state.challenger != arm:
                events += self._shelf.moved(state.challenger.adapter, "retired", told, actor)
            if state.rollout:
                events.append(
                    self._rolled("promoted" if won else "stopped", 1.0 if won else state.rollout, told, fresh)
                )
            elif state.experiment_id is not None and not won:
                events.append(self._ended("stopped", told, found))
            detail: dict[str, object] = {"from": state.champion.adapter, "to": arm.adapter, "override": override_reason}
            if won:
                proof = self.experiment(str(state.experiment_id))["detail"]
                detail["experiment"], detail["fresh"] = proof, dict(fresh or {})
                worse = [one["segment"] for one in proof.get("segments", ()) if one["state"] == "lost"]
                events += self.segments.carried(state.champion.adapter, arm.adapter, worse, actor)
            salt = salt_of(str(state.experiment_id)) if won else f"promotion-{state.champion.adapter}-{arm.adapter}"
            following = RoutingState(arm, state.champion, holdback=holdback, holdback_salt=salt if holdback else "")
            self._move(following, "promote", reason, actor, events, {**detail, "holdback": holdback, **(along or {})})
            self.segments.take(events)
            return arm.adapter

    def won_in(self) -> list[str]:
        """The segments in which alone the live challenger won its experiment; none where it won for everybody."""
        state = self._state
        detail = self.experiment(state.experiment_id)["detail"] if state.experiment_id is not None else None
        return list((detail or {}).get("won_in", ()))

    def promote_in_segments(self, actor: str, reason: str, along: Mapping[str, Any] | None = None) -> list[str]:
        """Make the challenger the champion of the segments in which it won, and return them. Raises NotProven."""
        with self._lock:
            state, segments = self._state, self.won_in()
            if state.challenger is None or not segments or not self.won():
                raise NotProven(state.challenger.adapter if state.challenger else "nobody")
            adapter = state.challenger.adapter
            events: list[Event] = [*self._shelf.moved(adapter, "champion", f"in {', '.join(segments)}", actor)]
            events += self.segments.moved(state.champion.adapter, segments, adapter, reason, actor)
            detail: dict[str, object] = {"champion": state.champion.adapter, "to": adapter, "segments": segments}
            detail["experiment"] = self.experiment(str(state.experiment_id))["detail"]
            self._move(state.alone(), "promote.segments", reason, actor, events, {**detail, **(along or {})})
            self.segments.take(events)
            return segments

    def rollback(
        self, actor: str, reason: str, found: Judgement | None = None, along: Mapping[str, Any] | None = None
    ) -> RolledBack:
        """Bring the last champion back by one routing write; a running experiment is stopped, with what was `found`.

        While a winner is on its way, it is the one that is taken back; where the last promotion was one in segments, it
        is that one. `along` goes to the audit. Raises NothingToRollBackTo for the first champion.
        """
        started = time.perf_counter()
        with self._lock:
            state, restored = self._state, self._state.previous
            if state.rollout:
                return self.end_rollout("rolled back", reason, actor)
            if undone := self.segments.undone(state.champion.adapter, reason, actor):
                self._undo(undone, actor, reason, found)
                return RolledBack(time.perf_counter() - started, state.champion.adapter)
            if restored is None:
                raise NothingToRollBackTo(state.champion.adapter)
            events: list[Event] = [*self._shelf.moved(state.champion.adapter, "retired", reason, actor)]
            events += self._shelf.moved(restored.adapter, "champion", reason, actor)
            events += self._cut_short(reason, actor, found)
            detail: dict[str, object] = {"from": state.champion.adapter, "to": restored.adapter}
            following = self._past.as_before(restored)
            self._move(following, "rollback", reason, actor, events, {**detail, **(along or {})})
            return RolledBack(time.perf_counter() - started, restored.adapter)

    def _cut_short(self, reason: str, actor: str, found: Judgement | None) -> list[Event]:
        """The events that stop a running experiment, if there is one."""
        state = self._state
        if state.experiment_id is None or state.challenger is None:
            return []
        retired = self._shelf.moved(state.challenger.adapter, "retired", reason, actor)
        return [*retired, self._ended("stopped", reason, found)]

    def _undo(self, undone: Sequence[SegmentChampion], actor: str, reason: str, found: Judgement | None) -> None:
        """Take a promotion in segments back."""
        state = self._state
        events: list[Event] = [*undone, *self._cut_short(reason, actor, found)]
        detail: dict[str, object] = {one.segment: one.adapter or state.champion.adapter for one in undone}
        self._move(state.alone(), "rollback", reason, actor, events, {"to": state.champion.adapter, "segments": detail})
        self.segments.take(events)

    def do_without(self, adapter: str, reason: str) -> None:
        """Serve what is live without `adapter`, which cannot be served; in place of a champion the one before it.

        An experiment that it had a part in is stopped. Nothing happens when it is not live.
        """
        with self._lock:
            if not self._serves(adapter):
                return
            log.error("%s", _gone(adapter, reason))
            self._leave(adapter, "rejected", reason, UNUSABLE, "learner")

    def revoke(self, adapter: str, reason: str, actor: str) -> None:
        """Take an adapter away for good, live or not. Raises UnknownAdapter, and BadMove for the base or a second time.

        In place of a champion the one before it is served, and an experiment that it had a part in is stopped.
        """
        with self._lock:
            if adapter == BASE:
                raise BadMove("The base cannot be revoked: it is the model itself. Serve another with --model.")
            self._leave(adapter, "revoked", reason, REVOKE, actor)

    def _serves(self, adapter: str) -> bool:
        return self._without(adapter) != self._state or bool(self._dropped(adapter, ""))

    def _dropped(self, adapter: str, reason: str) -> list[SegmentChampion]:
        """The segments that do without the adapter, under the champion and the one before it."""
        arms = (self._state.champion, self._state.previous)
        return [
            event for arm in arms if arm is not None for event in self.segments.dropped(arm.adapter, adapter, reason)
        ]

    def _leave(self, adapter: str, state: State, reason: str, action: str, actor: str) -> None:
        live, following, dropped = self._state, self._without(adapter), self._dropped(adapter, reason)
        detail: dict[str, object] = {"adapter": adapter, "from": live.champion.adapter}
        detail["to"] = following.champion.adapter
        known = self._shelf.state(adapter)
        # One that was revoked under another model stays revoked.
        stays = (state, known) == ("rejected", "revoked")
        events: list[Event] = [*dropped, *([] if stays else self._shelf.moved(adapter, state, reason, actor))]
        if following == live and not dropped:
            self._store.append(*events, self._store.audit(action, actor, {"reason": reason, **detail}))
            return
        if following.champion != live.champion:
            events += self._shelf.moved(following.champion.adapter, "champion", f"in place of {adapter}", actor)
        if following.experiment_id != live.experiment_id:
            if live.challenger is not None and live.challenger.adapter != adapter:
                events += self._shelf.moved(live.challenger.adapter, "retired", reason, actor)
            ended = (
                self._rolled("stopped", live.rollout, reason) if live.rollout else self._ended("stopped", reason, None)
            )
            events.append(ended)
        self._move(following, action, reason, actor, events, detail)
        self.segments.take(events)

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
            found = self._past.as_before(state.previous or self._shelf.base_arm)
            return found if found.previous is None or found.previous.adapter != adapter else _without_previous(found)
        if state.previous is not None and state.previous.adapter == adapter:
            return _without_previous(state)
        if state.challenger is not None and state.challenger.adapter == adapter:
            return state.alone()
        return state

    def _rolled(
        self,
        how: Literal["running", "promoted", "rolled back", "stopped"],
        share: float,
        reason: str,
        found: Mapping[str, Any] | None = None,
    ) -> Rollout:
        live = self._state
        assert live.experiment_id is not None and live.challenger is not None
        arms = (live.champion.adapter, live.challenger.adapter)
        return Rollout(live.experiment_id, *arms, share, how, reason, dict(found or {}))

    def _ended(self, state: str, reason: str, found: Judgement | None) -> Experiment:
        live, detail = self._state, asdict(found) if found else {}
        if live.experiment_id is None or live.challenger is None:
            raise NoExperiment("No experiment is running.")
        arms = (live.champion.adapter, live.challenger.adapter)
        return Experiment(live.experiment_id, *arms, live.share, state, reason, detail)  # type: ignore[arg-type]

    def _end(self, ended: Experiment, action: str, actor: str) -> None:
        state = self._state
        events: list[Event] = [ended, *self._shelf.moved(ended.challenger, "retired", ended.reason, actor)]
        self._move(state.alone(), action, ended.reason, actor, events, asdict(ended))

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
            rollout=following.rollout,
            holdback=following.holdback,
            holdback_salt=following.holdback_salt,
        )
        # "base" under another model is another champion, so the audit names the model as well.
        told = {"reason": reason, "base": routing.base, "base_sha256": routing.base_sha256, **detail}
        self._store.append(*events, routing, self._store.audit(action, actor, told))
        self._state = following
        self.on_move()

    def moved(self) -> Moved:
        """The newest move: for a rollout, the one with which its step began."""
        return self._past.newest_move()

    def taken_back(self) -> str | None:
        """What was taken back by itself and why, until the next promotion or rollout."""
        return self._past.taken_back()

    def promoted_at(self) -> int:
        """The `seq` of the newest promotion of the present champion; -1 where it was never promoted."""
        return self._past.promoted_at(self._state.champion.adapter)

    def _leave_out_unusable(self) -> None:
        """Do without what was changed since it was live last, or what the engine takes no longer."""
        for arm in self._arms():
            try:
                self._shelf.arm(arm.adapter)
            except BadAdapter as error:
                self.do_without(arm.adapter, str(error))


def _gone(adapter: str, reason: str) -> str:
    return f"{adapter} is not served any more: {reason}{'' if reason.endswith('.') else '.'}"


def _without_previous(state: RoutingState) -> RoutingState:
    return replace(state, previous=None, holdback=0.0, holdback_salt="")
