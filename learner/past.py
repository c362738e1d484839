"""What was live before, read from the rows of routing of the model that is served."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple, TypedDict, cast

from analytics import Routing, Store
from learner.errors import BadAdapter
from learner.experiment import Arm, RoutingState
from learner.shelf import Shelf


class Moved(NamedTuple):
    """The place of a move in the order of all events, and its time in UTC."""

    seq: int
    at: datetime


class Past:
    """Each model has a past of its own: "base" under another one is another champion."""

    def __init__(self, store: Store, shelf: Shelf) -> None:
        self._store, self._shelf = store, shelf

    def newest(self) -> RoutingState:
        """What was live last, whether it can still be served or not."""
        row = self._newest("true")
        if row is None:
            return RoutingState(self._shelf.base_arm)
        champion = self._shelf.recorded(str(row["champion"]))
        previous, challenger = (
            None if row[role] is None else self._shelf.recorded(str(row[role])) for role in ("previous", "challenger")
        )
        experiment_id = None if row["experiment_id"] is None else str(row["experiment_id"])
        share, rollout = float(str(row["share"])), float(str(row["rollout"] or 0))
        return RoutingState(champion, previous, challenger, experiment_id, share, rollout, **_held_back(row))

    def as_before(self, champion: Arm) -> RoutingState:
        """`champion` as it was served last: with the one before it, so that one can roll back step by step."""
        row = self._newest("champion = ?", champion.adapter)
        previous = self._usable(row["previous"]) if row else None
        if row is None or previous is None:
            return RoutingState(champion)
        return RoutingState(champion, previous, **_held_back(row))

    def newest_move(self) -> Moved:
        """Where and when the newest row was written; there must be one."""
        row = self._newest("true")
        assert row is not None, "nothing was moved yet"
        return Moved(int(str(row["seq"])), cast("datetime", row["at"]))

    def promoted_at(self, adapter: str) -> int:
        """The `seq` of its newest promotion; -1 where there was none. A rollback to it is no promotion."""
        sql = (
            "SELECT max(seq) AS seq FROM audit WHERE action = 'promote' AND (detail->>'to') = ? "
            "AND (detail->>'base') = ? AND (detail->>'base_sha256') = ?"
        )
        (row,) = self._store.rows(sql, (adapter, self._shelf.base, self._shelf.base_arm.weights_sha256))
        return -1 if row["seq"] is None else int(row["seq"])

    def taken_back(self) -> str | None:
        """What the learner itself took back with the newest of its moves or anybody's, and why; None otherwise."""
        rows = self._store.rows(
            "SELECT action, actor, detail FROM audit WHERE action IN ('promote', 'rollback', 'rollout.step', "
            "'rollout.end') AND (detail->>'base') = ? AND (detail->>'base_sha256') = ? ORDER BY seq DESC LIMIT 1",
            (self._shelf.base, self._shelf.base_arm.weights_sha256),
        )
        if not rows or rows[0]["actor"] != "learner" or rows[0]["action"] not in ("rollback", "rollout.end"):
            return None
        detail = rows[0]["detail"]
        name = detail["from"] if rows[0]["action"] == "rollback" else detail["challenger"]
        return f"{name} was taken back by itself. {detail['reason']}"

    def _newest(self, where: str, *parameters: object) -> dict[str, object] | None:
        sql = (
            f"SELECT * FROM {Routing.table} WHERE (base IS NULL OR (base = ? AND base_sha256 = ?)) AND {where} "
            "ORDER BY rowid DESC LIMIT 1"
        )
        rows = self._store.rows(sql, (self._shelf.base, self._shelf.base_arm.weights_sha256, *parameters))
        return rows[0] if rows else None

    def _usable(self, adapter: object) -> Arm | None:
        """The arm, unless its files were changed, it was revoked, or the engine could not serve it."""
        try:
            return None if adapter is None else self._shelf.arm(str(adapter))
        except BadAdapter:
            return None


class _HeldBack(TypedDict):
    holdback: float
    holdback_salt: str


def _held_back(row: Mapping[str, object]) -> _HeldBack:
    return {"holdback": float(str(row["holdback"] or 0)), "holdback_salt": str(row["holdback_salt"] or "")}
