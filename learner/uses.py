"""Where feedback went: the runs whose frozen pairs hold it, and what became of the adapters that they made."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import Any, Literal, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from analytics import Adapter, Store
from learner.dataset.placeholders import bare
from learner.registry import Registry
from learner.runs import ALIVE, Runs, came_to

FILES: Mapping[str, Literal["learning", "judging"]] = {
    "dataset": "learning",
    "judge": "judging",
    "ratings": "learning",
    "judge_ratings": "judging",
}
KEPT_RUNS = 64  # whose pairs are kept at hand


@dataclass(frozen=True)
class FrozenPair:
    """A pair or a rating of a run: of the texts only what tells them from others.

    A rating is `good` or not, which a pair is neither, and `chosen` and `rejected` are both of its answer.
    """

    turn_id: str
    used_for: Literal["learning", "judging"]
    source: str
    chosen: bytes
    rejected: bytes
    good: bool | None = None


@dataclass(frozen=True)
class AdapterNow:
    """What became of an adapter: `state` is waiting, challenger, live, retired, rejected, rolled back or not served."""

    name: str
    state: str
    since: datetime
    reason: str


class GatePassed(NamedTuple):
    """A gate's verdict on an adapter."""

    name: str
    passed: bool


@dataclass(frozen=True)
class Use:
    """A run that used the feedback: `at` is its last event, and `pair` the way in which the pair came about."""

    run_id: str
    at: datetime
    outcome: str
    used_for: Literal["learning", "judging"]
    pair: str
    adapter: AdapterNow | None
    gates: Sequence[GatePassed]


def digest(text: str) -> bytes:
    """Tells a text from others; what stands in a dataset has placeholders, and counts as the same."""
    return blake2b(bare(text).encode("utf-8", "replace"), digest_size=16).digest()


class Uses:
    """Reads the store and the folders of the runs, which do not change once a run is over."""

    def __init__(self, store: Store, home: Path, registry: Registry) -> None:
        self._store, self._registry, self._runs = store, registry, Runs(store, home)

    def after(self, seq: int, turn_ids: Sequence[str], fits: Callable[[FrozenPair], bool]) -> list[Use]:
        """The runs that ended after the event `seq` and hold a pair of one of the turns that `fits`, oldest first.

        A run is told of once, for its first such pair.
        """
        uses = []
        for run_id in self._ended_after(seq):
            pairs = frozen_pairs(self._runs.folder / run_id)
            pair = next((pair for turn_id in turn_ids for pair in pairs.get(turn_id, ()) if fits(pair)), None)
            if pair is not None:
                uses.append(self._use(run_id, pair))
        return uses

    def under_way(self) -> str | None:
        """The run that has not ended yet."""
        rows = self._store.rows("SELECT run_id, arg_max(state, seq) AS state FROM run GROUP BY run_id ORDER BY run_id")
        return next((str(row["run_id"]) for row in reversed(rows) if row["state"] in ALIVE), None)

    def _ended_after(self, seq: int) -> list[str]:
        rows = self._store.rows(
            "SELECT run_id, arg_max(state, seq) AS state FROM run GROUP BY run_id HAVING max(seq) > ? ORDER BY run_id",
            (seq,),
        )
        return [str(row["run_id"]) for row in rows if row["state"] not in ALIVE]

    def _use(self, run_id: str, pair: FrozenPair) -> Use:
        run = self._runs.view(run_id)
        return Use(
            run_id=run_id,
            at=run["at"],
            outcome=came_to(run),
            used_for=pair.used_for,
            pair=pair.source,
            adapter=self._now(run["adapter"]) if run["adapter"] else None,
            gates=[GatePassed(str(gate["gate"]), bool(gate["passed"])) for gate in run["gates"]],
        )

    def _now(self, adapter: str) -> AdapterNow:
        rows = self._store.rows(f"SELECT * FROM {Adapter.table} WHERE adapter = ? ORDER BY seq", (adapter,))
        last = rows[-1]
        return AdapterNow(adapter, self._state(adapter, rows), last["at"], last["reason"])

    def _state(self, adapter: str, rows: Sequence[Mapping[str, Any]]) -> str:
        state = str(rows[-1]["state"])
        if state == "champion":
            return "live" if self._registry.state().champion.adapter == adapter else "not served"
        if state == "retired":
            crowned = max((row["seq"] for row in rows if row["state"] == "champion"), default=None)
            if crowned is not None and self._rolled_back(adapter, crowned):
                return "rolled back"
        return "waiting" if state in ("trained", "gated") else state

    def _rolled_back(self, adapter: str, since: int) -> bool:
        sql = "SELECT 1 FROM audit WHERE action = 'rollback' AND seq > ? AND (detail->>'from') = ?"
        return bool(self._store.rows(sql, (since, adapter)))


@lru_cache(maxsize=KEPT_RUNS)
def frozen_pairs(folder: Path) -> Mapping[str, Sequence[FrozenPair]]:
    """The pairs of a run that is over, by their turns; none where it froze no dataset, or was killed in the middle."""
    found: defaultdict[str, list[FrozenPair]] = defaultdict(list)
    for name, used_for in FILES.items():
        for row in _rows(folder / f"{name}.parquet"):
            texts = [digest(row[text]) for text in ("chosen", "rejected", "completion") if text in row]
            pair = FrozenPair(row["turn_id"], used_for, row["source"], texts[0], texts[-1], row.get("good"))
            found[pair.turn_id].append(pair)
    return dict(found)


def _rows(path: Path) -> list[dict[str, Any]]:
    try:
        table = pq.read_table(path)
    except (FileNotFoundError, pa.ArrowInvalid):
        return []
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows
