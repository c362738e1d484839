"""The one thread that writes: it commits what is waiting together, and tells the callers when it is durable."""

from __future__ import annotations

import queue
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import duckdb

from analytics.audit import audit_hash
from analytics.columns import column_types, insert_one_sql, insert_sql, values
from analytics.errors import NotStored, StoreClosed
from analytics.events import Audit, Event
from analytics.heads import Heads

MOST_CALLS = 512  # gathered into one transaction
PATIENCE = 6  # times as long as the last commit took, who is patient waits for company after it
LONGEST_WAIT = 0.03  # seconds
HASHES = ("previous_hash", "hash")

Within = Callable[[duckdb.DuckDBPyConnection], Sequence[Event]]
After = Callable[[duckdb.DuckDBPyConnection], duckdb.DuckDBPyConnection]


@dataclass(frozen=True)
class _File:
    """Rows to be read from a Parquet file, and how many of them were new."""

    event: type[Event]
    path: Path
    key: str
    written: Future[int]


@dataclass(frozen=True)
class _Change:
    """What is done in a transaction, and once it is durable: `after` gives the connection to go on with."""

    within: Within
    after: After


@dataclass(frozen=True)
class Call:
    """The events of one append, which become durable together or not at all."""

    events: Sequence[tuple[type[Event], tuple[Any, ...]]]
    done: Future[None]
    patient: bool
    file: _File | None = None
    change: _Change | None = None

    @property
    def alone(self) -> bool:
        """Whether nothing may follow it into its commit."""
        return self.file is not None or self.change is not None


@cache
def _place_of_turn(event: type[Event]) -> int | None:
    """The place of the turn's id among the fields of an event; None where it has none."""
    names = [*column_types(event)]  # type: ignore[arg-type]
    return names.index("turn_id") if "turn_id" in names else None


class Writer:
    """Owns `connection`. `append` may be called from any thread.

    `decisions` and `last_hash` are where the audit chain ends; `heads` is told whenever that moves.
    """

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, *, seq: int, decisions: int, last_hash: str, heads: Heads
    ) -> None:
        self._connection, self._seq, self._last_hash = connection, seq, last_hash
        self._decisions, self._heads = decisions, heads
        self._queue: queue.SimpleQueue[Call | None] = queue.SimpleQueue()
        self._closed = False
        self._erased: set[str] = set()  # turns of which something may be under way still
        self._wait_until = 0.0  # for those who are patient
        self._gate = threading.Lock()
        self._thread = threading.Thread(target=self._work, name="store writer", daemon=True)
        self._thread.start()

    def append(self, events: Sequence[Event], *, patient: bool = False) -> Future[None]:
        """Queue the events; the future is done when they are durable. Raises NotStored, StoreClosed.

        A commit costs much the same however much is in it. So where many come, who is `patient` waits up to
        `LONGEST_WAIT` for company; where few do, nobody waits.
        """
        try:
            rows = [(type(event), values(event)) for event in events]
        except (TypeError, ValueError) as error:
            raise NotStored(f"An event holds something that cannot be written as JSON: {error}.") from error
        return self._queued(Call(rows, Future(), patient))

    def append_file(self, event: type[Event], path: Path, key: str, along: Sequence[Event]) -> Future[int]:
        """Queue the rows of a Parquet file together with `along`; see `Store.append_file`."""
        written: Future[int] = Future()
        rows = [(type(one), values(one)) for one in along]
        done = self._queued(Call(rows, Future(), False, _File(event, path, key, written)))
        done.add_done_callback(lambda _: _pass_on(done, written))
        return written

    def change(self, within: Within, after: After, erased: Iterable[str]) -> Future[None]:
        """Queue `within` and the events that it returns as one commit, then `after`.

        What is appended meanwhile waits. Of the turns in `erased`, read once `within` is done, nothing that comes later
        is written.
        """

        def change(connection: duckdb.DuckDBPyConnection) -> Sequence[Event]:
            events = within(connection)
            self._erased.update(erased)
            return events

        return self._queued(Call((), Future(), False, change=_Change(change, after)))

    def _queued(self, call: Call) -> Future[None]:
        call.done.set_running_or_notify_cancel()  # from here on nobody can cancel what will be written
        with self._gate:
            if self._closed:
                raise StoreClosed("The store is closed; nothing can be written any more.")
            self._queue.put(call)
        return call.done

    def close(self) -> None:
        """Write what is waiting, then stop."""
        with self._gate:
            if not self._closed:
                self._closed = True
                self._queue.put(None)
        self._thread.join()

    def _work(self) -> None:
        while (call := self._queue.get()) is not None:
            calls, open_still = self._gather(call)
            self._write(calls)
            if not open_still:
                return

    def _gather(self, first: Call) -> tuple[list[Call], bool]:
        calls = [first]
        if first.alone:
            return calls, True
        patient = first.patient
        while len(calls) < MOST_CALLS:
            wait = self._wait_until - time.monotonic() if patient else 0.0
            try:
                call = self._queue.get(timeout=wait) if wait > 0 else self._queue.get_nowait()
            except queue.Empty:
                return calls, True
            if call is None:
                return calls, False
            patient = patient and call.patient
            calls.append(call)
            if call.alone:  # a commit has one file or one change at most
                return calls, True
        return calls, True

    def _write(self, calls: Sequence[Call]) -> None:
        try:
            self._commit(calls)
        except duckdb.Error as error:
            if len(calls) > 1:
                # One bad call must not take the others down with it.
                for call in calls:
                    self._write([call])
                return
            calls[0].done.set_exception(NotStored(f"The store could not write: {error}"))
        except Exception as error:
            for call in calls:
                call.done.set_exception(NotStored(f"The store could not write: {error}"))
        else:
            for call in calls:
                call.done.set_result(None)

    def _commit(self, calls: Sequence[Call]) -> None:
        began = time.monotonic()
        seq, last_hash, at = self._seq, self._last_hash, datetime.now(UTC)
        rows: defaultdict[type[Event], list[tuple[Any, ...]]] = defaultdict(list)
        changes = [call.change for call in calls if call.change is not None]
        files = [call.file for call in calls if call.file is not None]
        self._connection.begin()
        try:
            for event, row in self._events(calls, changes):
                if event is Audit:
                    previous, last_hash = last_hash, _link(last_hash, row, at)
                    row = (*row, previous, last_hash)
                rows[event].append((*row, seq, at.replace(tzinfo=None)))
                seq += 1
            for event, table in rows.items():
                extra = HASHES if event is Audit else ()
                if len(table) == 1:
                    self._connection.execute(insert_one_sql(event, extra), table[0])  # type: ignore[arg-type]
                else:
                    sql = insert_sql(event, extra)  # type: ignore[arg-type]
                    self._connection.execute(sql, [list(column) for column in zip(*table, strict=True)])
            taken = [(file, self._read(file, seq, at)) for file in files]
            self._connection.commit()
        except BaseException:
            self._connection.rollback()
            raise
        self._seq, self._last_hash = seq + sum(count for _, count in taken), last_hash
        if decided := len(rows.get(Audit, ())):
            self._decisions += decided
            self._heads.add(self._decisions, decided, last_hash, at)
        for file, count in taken:
            file.written.set_running_or_notify_cancel()
            file.written.set_result(count)
        for change in changes:
            self._connection = change.after(self._connection)
        ended = time.monotonic()
        self._wait_until = ended + min(LONGEST_WAIT, PATIENCE * (ended - began))

    def _events(
        self, calls: Sequence[Call], changes: Sequence[_Change]
    ) -> Iterator[tuple[type[Event], tuple[Any, ...]]]:
        """What is to be written, without what comes too late: its turn was erased while it was under way."""
        yield from (pair for call in calls for pair in call.events if not (self._erased and self._is_erased(*pair)))
        for change in changes:
            yield from ((type(event), values(event)) for event in change.within(self._connection))

    def _is_erased(self, event: type[Event], row: tuple[Any, ...]) -> bool:
        place = _place_of_turn(event)  # type: ignore[arg-type]
        return place is not None and row[place] in self._erased

    def _read(self, file: _File, seq: int, at: datetime) -> int:
        """Insert what is new in the file, in its order; returns how many rows.

        What stands is in the view of the table's plural.
        """
        names = ", ".join(f'"{name}"' for name in column_types(file.event))  # type: ignore[arg-type]
        table, key = file.event.table, file.key
        self._connection.execute(
            f"""
            INSERT INTO {table} ({names}, seq, "at")
            SELECT {names}, $seq + row_number() OVER (ORDER BY place) - 1, $at FROM (
                SELECT *, file_row_number AS place FROM read_parquet($path, file_row_number := true)
                WHERE {key} NOT IN (SELECT {key} FROM {table}s)
                QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY file_row_number) = 1
            )
            """,
            {"seq": seq, "at": at.replace(tzinfo=None), "path": str(file.path)},
        )
        (count,) = self._connection.execute(f"SELECT count(*) FROM {table} WHERE seq >= ?", [seq]).fetchall()[0]
        return int(count)


def _pass_on(done: Future[None], written: Future[int]) -> None:
    """Tell whoever waits for a file that its call has failed."""
    if (error := done.exception()) is not None:
        written.set_running_or_notify_cancel()
        written.set_exception(error)


def _link(previous: str, row: tuple[Any, ...], at: datetime) -> str:
    action, actor, detail = row
    return audit_hash(previous, action, actor, detail, at)
