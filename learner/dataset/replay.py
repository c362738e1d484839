"""What taught adapters that were promoted is met again: where caps cut, a share of it is kept before what is newer."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from learner.settings import LapSettings
from learner.trust import Row

Key = tuple[str, str]  # the turn or the example, and how the row came about


class Accepted:
    """The rows of earlier datasets that led to promoted adapters: by the events, and by the shelf of datasets."""

    def __init__(self, events: Path, shelf: Path | None) -> None:
        self.datasets = _promoted(events)
        self.missing: list[str] = []
        self.keys: set[Key] = set()
        for dataset in self.datasets:
            found = None if shelf is None else _keys(shelf / dataset)
            if found is None:
                self.missing.append(dataset)
            else:
                self.keys |= found

    def first(self, rows: Sequence[Row], settings: LapSettings) -> tuple[list[Row], int]:
        """The rows with up to `replay_share` of them moved to the end, where the caps look first; and how many were.

        So no cap lets more of anybody through. They are drawn with the seed, for the oldest are no better.
        """
        known = [row for row in rows if (row.lesson.turn_id, row.lesson.source) in self.keys]
        most = int(settings.replay_share * len(rows))
        if len(known) > most:
            known = sorted(random.Random(settings.seed).sample(known, most), key=lambda row: row.seq)
        moved = {id(row) for row in known}
        return [*(row for row in rows if id(row) not in moved), *known], len(known)

    def told(self, replayed: int) -> dict[str, object]:
        """For the manifest."""
        return {"datasets": self.datasets, "missing": self.missing, "rows": replayed}


def _promoted(events: Path) -> list[str]:
    """The datasets of the runs whose adapters became champions, oldest first."""
    if not all((events / f"{name}.parquet").exists() for name in ("adapter", "run")):
        return []
    folder = str(events).replace("'", "''")
    sql = f"""
        SELECT json_extract_string(detail, '$.dataset') AS dataset, min(seq) FROM '{folder}/run.parquet'
        WHERE run_id IN (SELECT run_id FROM '{folder}/adapter.parquet' WHERE adapter IN (
            SELECT adapter FROM '{folder}/adapter.parquet' WHERE state = 'champion'))
        GROUP BY 1 HAVING dataset IS NOT NULL ORDER BY 2
    """
    with duckdb.connect() as connection:
        return [str(dataset) for dataset, _ in connection.execute(sql).fetchall()]


def _keys(folder: Path) -> set[Key] | None:
    found: set[Key] = set()
    try:
        for name in ("dataset", "ratings"):
            rows: list[dict[str, Any]] = pq.read_table(
                folder / f"{name}.parquet", columns=["turn_id", "source"]
            ).to_pylist()
            found |= {(row["turn_id"], row["source"]) for row in rows}
    except (FileNotFoundError, pa.ArrowInvalid):
        return None
    return found
