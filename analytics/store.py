"""The store: one DuckDB file, appended to by one thread, read from any."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import duckdb
import numpy as np
from numpy.typing import NDArray

from analytics.audit import GENESIS, Chain, walk
from analytics.columns import column_types, tables, whole
from analytics.erasing import Gone, Scope, delete
from analytics.errors import NotStored, StoreBroken, StoreLocked
from analytics.events import Audit, Event, Turn
from analytics.export import Format, What, export
from analytics.heads import Heads
from analytics.migrate import migrate
from analytics.readers import Readers
from analytics.recent import Recent
from analytics.renewing import FRESH, caught_up, copied, exchange, leftovers
from analytics.writer import Writer

# More would be woken for every commit, and take the cores on which the engine computes.
THREADS = max(1, (os.cpu_count() or 1) // 4)

Parameters = Sequence[object] | Mapping[str, object]
Row = dict[str, Any]
Kept = TypeVar("Kept", bound=Event)
Found = TypeVar("Found")


def _connected(path: Path) -> duckdb.DuckDBPyConnection:
    try:
        return duckdb.connect(str(path), config={"threads": THREADS})
    except duckdb.Error as error:
        if "could not set lock" in str(error).lower():
            raise StoreLocked(f"Another process has {path} open; stop it, or use another home.") from error
        raise StoreBroken(f"{path} cannot be opened: {error}") from error


def _as_is(value: object) -> object:
    return value


# The file holds UTC without a zone; outside of it every time has one.
_READ: Mapping[str, Callable[[Any], object]] = {
    "JSON": lambda text: None if text is None else json.loads(text),
    "TIMESTAMP": lambda at: None if at is None else at.replace(tzinfo=UTC),
}


def _filled(column: Any) -> NDArray[Any]:  # noqa: ANN401 - a masked array where there are nulls
    if not isinstance(column, np.ma.MaskedArray):
        return np.asarray(column)
    return np.asarray(column.filled(np.nan if column.dtype.kind == "f" else None))


def _stored(parameters: Parameters) -> Parameters:
    if isinstance(parameters, Mapping):
        return {name: _parameter(value) for name, value in parameters.items()}
    return [_parameter(value) for value in parameters]


def _parameter(value: object) -> object:
    if isinstance(value, str):
        return whole(value)  # as it was when it was written
    return value.astimezone(UTC).replace(tzinfo=None) if isinstance(value, datetime) else value


class Store:
    """Open one with `Store.open`. `append` returns when its events are durable; `rows` reads what is."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, path: Path) -> None:
        self._connection, self._path = connection, path
        self._heads = heads = Heads(path)
        self._readers, self._recent = Readers(connection), Recent()
        count, last_hash = self._head()
        heads.catch_up(count, last_hash, datetime.now(UTC))
        self._writer = Writer(
            connection.cursor(), seq=self._next_seq(), decisions=count, last_hash=last_hash, heads=heads
        )

    @classmethod
    def open(cls, path: Path) -> Store:
        """Open the file, or make it, and bring its tables up to date. Raises StoreLocked, StoreBroken."""
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = _connected(path)
        leftovers(path)
        try:
            migrate(connection)
            return cls(connection, path)
        except BaseException:
            connection.close()
            raise

    def append(self, *events: Event) -> None:
        """Append the events together; returns when they are durable. Raises NotStored, StoreClosed."""
        self._writer.append(events).result()
        self._recent.keep(events)

    def submit(self, *events: Event) -> Future[None]:
        """Queue the events for somebody who cannot wait; they are written even if nobody asks the future.

        `asked` knows a turn from here on.
        """
        future = self._writer.append(events, patient=True)
        self._recent.keep(events)
        return future

    async def append_async(self, *events: Event) -> None:
        """`append` without blocking the event loop; where many come it may wait a moment for company."""
        # Once queued the events are written whether or not somebody still waits for them.
        await asyncio.shield(asyncio.wrap_future(self.submit(*events)))

    def audit(self, action: str, actor: str, detail: Mapping[str, Any]) -> Audit:
        """An event for the audit chain, to be appended together with what it tells of."""
        return Audit(action, actor, detail)

    def rows(self, sql: str, parameters: Parameters = ()) -> list[Row]:
        """The rows of a query as dicts: JSON decoded, timestamps aware. Raises StoreClosed."""
        with self._readers.reading() as reader:
            cursor = reader.execute(sql, _stored(parameters))
            assert cursor.description is not None
            columns = [(column[0], _READ.get(str(column[1]), _as_is)) for column in cursor.description]
            found = cursor.fetchall()
        return [{name: read(value) for (name, read), value in zip(columns, row, strict=True)} for row in found]

    def columns(self, sql: str, parameters: Parameters = ()) -> dict[str, NDArray[Any]]:
        """The columns of a query as arrays, shape (rows,); a null number is NaN. Raises StoreClosed."""
        with self._readers.reading() as reader:
            found = reader.execute(sql, _stored(parameters)).fetchnumpy()
        return {name: _filled(column) for name, column in found.items()}

    def latest(self, event: type[Kept], key: str) -> list[Kept]:
        """The latest row of each value of the column `key`, as events, in the order of their first rows."""
        names = ", ".join(column_types(event))  # type: ignore[arg-type]
        rows = self.rows(
            f"SELECT {names} FROM {event.table} QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY seq DESC) = 1 "
            f"ORDER BY min(seq) OVER (PARTITION BY {key})"
        )
        return [event(**row) for row in rows]

    def asked(self, turn_id: str) -> Turn | None:
        """The turn as it was asked, without what came of it; None when there is none."""
        if (turn := self._recent.find(turn_id)) is not None:
            return turn
        rows = self.rows(f"SELECT {', '.join(column_types(Turn))} FROM {Turn.table} WHERE turn_id = ?", (turn_id,))
        return Turn(**rows[0]) if rows else None

    def owner(self, conversation_id: str) -> str | None:
        """The person whose conversation it is; None for one that nobody has begun."""
        if (person := self._recent.owner(conversation_id)) is not None:
            return person
        rows = self.rows("SELECT person FROM turn WHERE conversation_id = ? LIMIT 1", (conversation_id,))
        return str(rows[0]["person"]) if rows else None

    def verify_audit(self) -> int:
        """Follow the audit chain and return its length. Raises StoreBroken at the first row that does not hold."""
        chain = self.audit_chain()
        if chain.reason is not None:
            raise StoreBroken(chain.reason)
        return chain.decisions

    def audit_chain(self, anchors: Sequence[tuple[int | None, str]] = ()) -> Chain:
        """What a walk along the audit chain finds.

        It is held against the heads that were noted beside the store, and against `anchors`: what somebody noted
        elsewhere, each a hash and, if known, how many decisions there were then.
        """
        return walk(self, self._heads, anchors)

    def erase(self, scope: Scope, told: Callable[[Gone], Sequence[Event]]) -> float:
        """Take the rows of `scope` out so that their bytes are gone; returns the seconds for which writing waited.

        What was taken is `told` within the transaction, and the events that this returns become part of it. Then what
        is left is copied into a new file, which takes the place of the old one: DuckDB leaves the bytes of deleted rows
        in the file. Appends wait for the deleting and for the exchange, not for the copying, and reading for the
        exchange; nothing that was acknowledged is lost. One erasure at a time.

        Raises NotStored: either nothing was deleted, or the old file is still in use without the rows, where their
        bytes may lie; then `erase` may be called again.
        """
        paused = [self._erased(scope, told)]
        fresh = self._path.with_name(f"{self._path.name}{FRESH}")
        try:
            with self._connection.cursor() as cursor:
                since = copied(cursor, fresh)
            paused.append(self._renewed(fresh, since))
        except (duckdb.Error, OSError) as error:
            raise NotStored(f"The rows are deleted, but their bytes may lie in {self._path} still: {error}") from error
        return sum(paused)

    def read(self, question: Callable[[duckdb.DuckDBPyConnection], Found]) -> Found:
        """What `question` finds, as those of `analytics.erasing` do. Raises StoreClosed."""
        with self._readers.reading() as reader:
            return question(reader)

    def append_file(self, event: type[Event], path: Path, key: str, *along: Event) -> int:
        """Append the rows of a Parquet file, whose columns are the fields of `event`, and `along`, in one transaction.

        Rows whose `key` an event has already, or twice, are left out; returns how many were written. Raises NotStored.
        """
        return self._writer.append_file(event, path, key, along).result()

    def place(self, at: datetime) -> int:
        """The highest `seq` of what had happened by then; -1 before everything."""
        highest = " UNION ALL ".join(f'SELECT max(seq) AS seq FROM {table} WHERE "at" <= $at' for table in tables())
        (row,) = self.rows(f"SELECT coalesce(max(seq), -1) AS seq FROM ({highest})", {"at": at})
        return int(row["seq"])

    def snapshot(self, folder: Path, until: int | None = None) -> None:
        """Write every table but the private ones to `folder`: one Parquet file each, of one instant.

        That is now, or the one when the event whose `seq` is `until` had just happened.
        """
        folder.mkdir(parents=True, exist_ok=True)
        kept = "" if until is None else f"WHERE seq <= {int(until)}"
        with self._readers.reading() as reader:
            reader.begin()
            try:
                for table in tables(private=False):
                    target = str(folder / f"{table}.parquet").replace("'", "''")
                    reader.execute(f"COPY (FROM {table} {kept} ORDER BY seq) TO '{target}' (FORMAT parquet)")
            finally:
                reader.rollback()

    def export(self, what: What, format: Format, file: BinaryIO) -> int:
        """Write rows as TRL reads them, of people who agreed only; returns how many."""
        with self._readers.reading() as reader:
            return export(reader, what, format, file)

    def _erased(self, scope: Scope, told: Callable[[Gone], Sequence[Event]]) -> float:
        """Delete the rows; returns the seconds for which writing waited."""
        took, turns = 0.0, set(scope.turns)

        def within(connection: duckdb.DuckDBPyConnection) -> Sequence[Event]:
            nonlocal took
            began = time.monotonic()
            gone = delete(connection, scope)
            turns.update(gone.turns)
            events = told(gone)
            took = time.monotonic() - began
            return events

        self._writer.change(within, lambda connection: connection, turns).result()
        self._recent.forget(turns, scope.conversations)
        return took

    def _renewed(self, fresh: Path, since: int) -> float:
        """Put the copy in place of the file once it has what came after `since`; returns how long writing waited.

        Raises duckdb.Error, OSError, and then the old file stays in use.
        """
        took = 0.0
        failed: duckdb.Error | OSError | None = None

        def after(writing: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
            nonlocal took, failed
            began = time.monotonic()
            try:
                caught_up(writing, since)
            except duckdb.Error as error:
                failed = error
                return writing
            writing.close()
            with self._readers.away():
                self._connection.close()  # the last one: it takes the write-ahead log with it
                try:
                    exchange(fresh, self._path)
                except OSError as error:
                    failed = error
                self._connection = _connected(self._path)
                self._readers.move(self._connection)
            took = time.monotonic() - began
            return self._connection.cursor()

        self._writer.change(lambda connection: (), after, ()).result()
        if failed is not None:
            raise failed
        return took

    def close(self) -> None:
        """Write what is waiting, break off what is being read, and give the file back."""
        self._writer.close()
        self._readers.close()
        self._connection.close()

    def _next_seq(self) -> int:
        highest = " UNION ALL ".join(f"SELECT max(seq) AS seq FROM {table}" for table in tables())
        (last,) = self._connection.execute(f"SELECT max(seq) FROM ({highest})").fetchall()[0]
        return 0 if last is None else int(last) + 1

    def _head(self) -> tuple[int, str]:
        """How many decisions there are, and the hash of the last one."""
        found = self._connection.execute("SELECT count(*), arg_max(hash, seq) FROM audit").fetchall()[0]
        return int(found[0]), str(found[1]) if found[0] else GENESIS
