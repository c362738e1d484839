"""The adapters there are: immutable folders, and the rows that say what became of each."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from analytics import Adapter, Event, Store
from learner.adapter import CARD, check_adapter, copy_adapter, read_object, weights_sha256
from learner.errors import BadAdapter, Revoked, UnknownAdapter
from learner.experiment import Arm
from learner.model_card import model_card
from learner.states import State, check_move

BASE = "base"  # the name of the model without an adapter, here and at the engine


class Shelf:
    """Adapters by name. `base` names the model that is served, `base_sha256` its weights, `rank` the engine's limit."""

    def __init__(self, store: Store, home: Path, base: str, base_sha256: str, rank: int) -> None:
        self.store, self.folder_of_all = store, home / "adapters"
        self.base, self.rank = base, rank
        self.base_arm = Arm(BASE, BASE, base_sha256)
        self._lock = threading.Lock()
        self.folder_of_all.mkdir(parents=True, exist_ok=True)
        self._sweep()

    def folder(self, adapter: str) -> Path | None:
        """The folder of an adapter; None for what is served as the base. Raises UnknownAdapter."""
        if adapter == BASE or not self.row(adapter)["path"]:
            return None
        return self.folder_of_all / adapter  # not where it was recorded: a home may have moved since

    def arm(self, adapter: str) -> Arm:
        """The adapter as an arm.

        Raises UnknownAdapter, Revoked, and BadAdapter when its weights are not the registered ones or the engine
        refuses it.
        """
        if adapter == BASE:
            return self.base_arm
        if (row := self.row(adapter))["state"] == "revoked":
            raise Revoked(adapter, str(row["reason"]))
        if not self.fits(adapter):
            raise BadAdapter(f"{adapter} was made for another model than the one that is served.")
        arm, folder = self.recorded(adapter), self.folder(adapter)
        if folder is None:
            return arm
        if weights_sha256(folder) != arm.weights_sha256:
            raise BadAdapter(f"The files of {adapter} were changed after it was registered; it cannot be served.")
        check_adapter(folder, self.rank)  # the engine's rank is a setting, and may be lower than it was
        return arm

    def recorded(self, adapter: str) -> Arm:
        """The adapter as an arm, as it was when it was registered. Raises UnknownAdapter."""
        if adapter == BASE:
            return self.base_arm
        return Arm(adapter, adapter if self.folder(adapter) else BASE, str(self.row(adapter)["weights_sha256"]))

    def fits(self, adapter: str) -> bool:
        """Whether the adapter was made for the model that is served."""
        if adapter == BASE:
            return True
        folder = self.folder(adapter)
        if folder is None:
            return str(self.row(adapter)["weights_sha256"]) == self.base_arm.weights_sha256
        card = read_object(folder / CARD)
        return (card.get("base"), card.get("base_sha256")) == (self.base, self.base_arm.weights_sha256)

    def add(
        self,
        source: Path,
        champion: str,
        passed: bool,
        reason: str,
        run_id: str,
        card: Mapping[str, object],
        actor: str,
        along: Callable[[str], Sequence[Event]],
    ) -> str:
        """Copy the adapter in `source` under the next version, then record it, so a crash leaves nothing half done.

        What `along` makes of its name is appended together with the record.
        """
        check_adapter(source, self.rank)
        with self._lock:
            name = self._next_name(self.base)
            folder = self._copy(source, name, {**card, "champion_then": champion})
            event = self._event(name, folder, run_id, "gated" if passed else "rejected", reason, actor)
            audit = self.store.audit("adapter.register", actor, {**asdict(event), "champion_then": champion})
            self.store.append(event, audit, *along(name))
            return name

    def add_copy(self, arm: Arm, actor: str) -> str:
        """A new adapter with the weights of `arm`, byte for byte, recorded as such."""
        with self._lock:
            name = self._next_name(f"{self.base}-copy")
            source = self.folder(arm.adapter)
            folder = self._copy(source, name, {"champion_then": arm.adapter}) if source is not None else None
            event = self._event(name, folder, None, "trained", f"a copy of {arm.adapter}", actor)
            self.store.append(event, self.store.audit("adapter.copy", actor, asdict(event)))
            return name

    def moved(self, adapter: str, state: State, reason: str, actor: str) -> list[Adapter]:
        """The event that says what became of an adapter; the base has no such events. Raises BadMove."""
        if adapter == BASE:
            return []
        row = self.row(adapter)
        check_move(adapter, str(row["state"]), state, reason)
        return [
            Adapter(
                adapter=adapter,
                weights_sha256=str(row["weights_sha256"]),
                path=str(row["path"]),
                base=str(row["base"]),
                run_id=None if row["run_id"] is None else str(row["run_id"]),
                state=state,
                reason=reason,
                actor=actor,
            )
        ]

    def state(self, adapter: str) -> str:
        """What became of an adapter last. Raises UnknownAdapter."""
        return str(self.row(adapter)["state"])

    def pending(self, champion: str) -> str | None:
        """The newest adapter that passed its gates against `champion` and has not been in an experiment."""
        newest_first = reversed(self.latest().items())
        gated = (name for name, row in newest_first if row["state"] == "gated" and row["base"] == self.base)
        return next((name for name in gated if self._waits_for(name, champion)), None)

    def _waits_for(self, adapter: str, champion: str) -> bool:
        try:
            card = read_object(self.folder_of_all / adapter / CARD)
            return self.fits(adapter) and card.get("champion_then") == champion
        except BadAdapter:  # one that cannot be read must not keep the others from their experiment
            return False

    def latest(self) -> dict[str, dict[str, object]]:
        """The latest row of every adapter, by name, the least recently changed first."""
        rows = self.store.rows(f"SELECT * FROM {Adapter.table} ORDER BY rowid")
        latest: dict[str, dict[str, object]] = {}
        for row in rows:
            latest.pop(str(row["adapter"]), None)
            latest[str(row["adapter"])] = row
        return latest

    def row(self, adapter: str) -> dict[str, object]:
        """The latest row of an adapter. Raises UnknownAdapter."""
        rows = self.store.rows(
            f"SELECT * FROM {Adapter.table} WHERE adapter = ? ORDER BY rowid DESC LIMIT 1", (adapter,)
        )
        if not rows:
            raise UnknownAdapter(adapter)
        return rows[0]

    def _event(
        self, name: str, folder: Path | None, run_id: str | None, state: State, reason: str, actor: str
    ) -> Adapter:
        check_move(name, None, state, reason)
        return Adapter(
            adapter=name,
            weights_sha256=weights_sha256(folder) if folder else self.base_arm.weights_sha256,
            path=str(folder) if folder else "",
            base=self.base,
            run_id=run_id,
            state=state,
            reason=reason,
            actor=actor,
        )

    def _copy(self, source: Path, name: str, card: Mapping[str, object]) -> Path:
        origin = {"adapter": name, "base": self.base, "base_sha256": self.base_arm.weights_sha256}
        # A folder of a version that no row names is of a record that the store did not take.
        shutil.rmtree(self.folder_of_all / name, ignore_errors=True)
        whole = {**card, **origin}
        copy_adapter(source, self.folder_of_all / name, whole, model_card(name, weights_sha256(source), whole))
        return self.folder_of_all / name

    def _next_name(self, stem: str) -> str:
        versions = [name.rpartition("@")[2] for name in self.latest() if name.rpartition("@")[0] == stem]
        return f"{stem}@{max(map(int, versions), default=0) + 1}"

    def _sweep(self) -> None:
        """Remove folders that no row names: a crash came between the copy and its record."""
        known = {Path(str(row["path"])).name for row in self.latest().values()}
        for folder in self.folder_of_all.iterdir():
            if folder.name not in known:
                shutil.rmtree(folder)
