"""Adapters that learned from what is erased: listed, revoked, or replaced by one that is trained without it."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from analytics import Adapter, Store
from learner.erasing.files import WEIGHTS
from learner.errors import LapRunning
from learner.merges import MERGED
from learner.registry import Registry
from learner.scheduler import Learner

Policy = Literal["retrain", "revoke", "list"]
Fate = Literal["listed", "retraining", "revoked"]
ACTOR = "erasure"  # of what becomes of adapters, in the audit
FOLLOW_SECONDS = 60.0  # between two looks at what became of a champion that is to be replaced


class Unlearning:
    """Deals with adapters by the policy. An adapter is trained afresh on the base, so none inherits from another."""

    def __init__(self, store: Store, learner: Learner, home: Path) -> None:
        self._store, self._learner = store, learner
        self._folder, self._merged = home / "adapters", home / MERGED

    @property
    def _registry(self) -> Registry:
        return self._learner.registry

    def learned(self, runs: Collection[str]) -> list[str]:
        """The adapters of these runs, and the copies of them: the weights are the same."""
        rows = self._store.rows(
            f"""
            SELECT adapter FROM {Adapter.table} WHERE path <> '' AND weights_sha256 IN (
                SELECT weights_sha256 FROM {Adapter.table} WHERE list_contains(?::VARCHAR[], run_id)
            ) GROUP BY adapter ORDER BY min(seq)
            """,
            (sorted(runs),),
        )
        return [str(row["adapter"]) for row in rows]

    def planned(self, adapters: Sequence[str], policy: Policy) -> list[dict[str, Any]]:
        """What will become of each: the champion waits for its successor under `retrain`, the others are revoked."""
        champion = self._registry.state().champion.adapter

        def fate(adapter: str) -> Fate:
            if policy == "list":
                return "listed"
            return "retraining" if policy == "retrain" and adapter == champion else "revoked"

        return [{"adapter": adapter, "was": self._state(adapter), "fate": fate(adapter)} for adapter in adapters]

    def carry_out(self, plan: Sequence[dict[str, Any]], erasure_id: str) -> None:
        """Revoke what is to be revoked; doing it twice does no harm."""
        reason = f"it learned from somebody whose data was erased ({erasure_id})"
        champion = self._registry.state().champion.adapter
        # The champion last: what is before it must not be what takes its place.
        for one in sorted(plan, key=lambda one: one["adapter"] == champion):
            if one["fate"] == "revoked":
                self.revoke(one["adapter"], reason)

    def retrain(self, since: datetime) -> None:
        """Start a lap unless one began after `since`: it learns from a snapshot without what was erased."""
        rows = self._store.rows("SELECT 1 FROM run WHERE state = 'queued' AND \"at\" > ? LIMIT 1", (since,))
        if not rows:
            with contextlib.suppress(LapRunning):
                self._learner.learn("operator")

    def revoke(self, adapter: str, reason: str) -> None:
        """Serve without the adapter, for good: its weights are deleted, so nothing can bring it back."""
        if self._state(adapter) != "revoked":
            self._learner.revoke(adapter, ACTOR, reason)
        shutil.rmtree(self._merged / adapter, ignore_errors=True)  # a copy of the same weights
        for path in (self._folder / adapter).glob("*"):
            if path.suffix in WEIGHTS:
                path.unlink()

    def overdue(self, adapters: Sequence[dict[str, Any]], since: datetime, days: float) -> list[dict[str, Any]]:
        """Those of an erasure with what becomes of them now: a champion that was replaced, or too late, is revoked."""
        champion = self._registry.state().champion.adapter
        late = datetime.now(UTC) - since > timedelta(days=days)
        return [
            {**one, "fate": "revoked"}
            if one["fate"] == "retraining" and (one["adapter"] != champion or late)
            else dict(one)
            for one in adapters
        ]

    def keep_out(self, adapters: Collection[str]) -> None:
        """See to it that none of these is live: a rollback may have brought one back as the champion's predecessor."""
        for name, _ in self._registry.live():
            if name in adapters:
                self._learner.do_without(name, "it was revoked by an erasure")

    def _state(self, adapter: str) -> str:
        rows = self._store.rows(
            f"SELECT state FROM {Adapter.table} WHERE adapter = ? ORDER BY seq DESC LIMIT 1", (adapter,)
        )
        return str(rows[0]["state"]) if rows else "unknown"
