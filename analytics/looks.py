"""How often each filter looked and how long it took, counted so that no verdict of the log is read twice."""

from __future__ import annotations

import threading
from collections import defaultdict
from datetime import datetime
from typing import NamedTuple

from analytics.store import Row, Store

LATEST = 1000  # turns, and as many answers, whose looks were timed last
_VERDICTS = """
    unnest(from_json(verdicts, '[{"filter_id": "VARCHAR", "decision": "VARCHAR", "latency_ms": "DOUBLE",
                                  "failed": "BOOLEAN", "shadow": "BOOLEAN"}]'), recursive := true)
"""


class Count(NamedTuple):
    """Of one filter in one place: looks, failures among them, and those that were other than allowed."""

    looks: int = 0
    failures: int = 0
    acted: int = 0

    def plus(self, other: Count) -> Count:
        """Both together."""
        return Count(*map(sum, zip(self, other, strict=True)))


class Looks:
    """Counts by the hour, in memory: to read all verdicts of a long log takes seconds, and the new ones no time."""

    def __init__(self, store: Store) -> None:
        self._store, self._lock = store, threading.Lock()
        self._forget()

    def since(self, since: datetime) -> list[Row]:
        """By filter and place: looks, failures, acted, and p50_ms and p95_ms of the latest; from the whole hour on."""
        first = _hour(since)
        with self._lock:
            self._count(first)
            sums: defaultdict[tuple[str, str], Count] = defaultdict(Count)
            for hour, counts in self._hours.items():
                if hour >= first:
                    for key, count in counts.items():
                        sums[key] = sums[key].plus(count)
        times = self._times(since)
        return [
            {
                "filter_id": key[0],
                "place": key[1],
                **count._asdict(),
                **times.get(key, {"p50_ms": None, "p95_ms": None}),
            }
            for key, count in sorted(sums.items())
        ]

    def _forget(self) -> None:
        self._hours: dict[datetime, dict[tuple[str, str], Count]] = {}
        self._first: datetime | None = None  # the hour from which on everything up to `_seq` was counted
        self._seq, self._rows = -1, 0

    def _count(self, first: datetime) -> None:
        newest, rows, known = self._state()
        if known != self._rows:  # something was taken out of the log
            self._forget()
        if self._first is not None and first < self._first:
            self._read('WHERE "at" >= ? AND "at" < ? AND seq <= ?', (first, self._first, self._seq))
        self._first = min(first, self._first or first)
        self._read('WHERE "at" >= ? AND seq > ? AND seq <= ?', (self._first, self._seq, newest))
        self._seq, self._rows = newest, rows

    def _state(self) -> tuple[int, int, int]:
        """The newest row's number, how many rows there are, and how many up to the last that was counted."""
        (row,) = self._store.rows(
            "SELECT coalesce(max(seq), -1) AS newest, count(*) AS rows, count(*) FILTER (seq <= ?) AS known "
            "FROM (SELECT seq FROM turn UNION ALL SELECT seq FROM reply)",
            (self._seq,),
        )
        return row["newest"], row["rows"], row["known"]

    def _read(self, rows: str, given: tuple[object, ...]) -> None:
        found = self._store.rows(
            "SELECT date_trunc('hour', \"at\") AS hour, filter_id, place, count(*) AS looks, "
            "count(*) FILTER (failed) AS failures, "
            "count(*) FILTER (decision <> 'allow' AND NOT coalesce(failed, false)) AS acted "
            f"FROM ({_of_places(rows)}) GROUP BY ALL",
            (*given, *given),
        )
        for row in found:
            counts = self._hours.setdefault(row["hour"], {})
            key, count = (row["filter_id"], row["place"]), Count(row["looks"], row["failures"], row["acted"])
            counts[key] = counts.get(key, Count()).plus(count)

    def _times(self, since: datetime) -> dict[tuple[str, str], Row]:
        newest = f"SELECT seq FROM {{table}} ORDER BY seq DESC LIMIT 1 OFFSET {LATEST}"
        latest = f'WHERE "at" > ? AND seq > coalesce(({newest}), -1)'
        found = self._store.rows(
            "SELECT filter_id, place, quantile_cont(latency_ms, 0.5) AS p50_ms, "
            "quantile_cont(latency_ms, 0.95) AS p95_ms "
            f"FROM ({_of_places(latest)}) GROUP BY ALL",
            (since, since),
        )
        return {(row["filter_id"], row["place"]): {"p50_ms": row["p50_ms"], "p95_ms": row["p95_ms"]} for row in found}


def _hour(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)


def _of_places(rows: str) -> str:
    """All verdicts of the turns and of the replies that `rows` leaves over, one row each."""
    parts = (("turn", "message"), ("reply", "answer"))
    return " UNION ALL ".join(
        f"(SELECT '{place}' AS place, \"at\", {_VERDICTS} FROM {table} {rows.format(table=table)})"
        for table, place in parts
    )
