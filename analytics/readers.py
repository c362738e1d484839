"""The connections that read: one for every thread, so that they read side by side."""

from __future__ import annotations

import contextlib
import threading
import weakref
from collections.abc import Iterator

import duckdb

from analytics.errors import StoreClosed

BREAK_SECONDS = 0.05


class _Reader:
    """A thread's connection; `busy` is held while it reads."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection, self.busy = connection, threading.Lock()


class Readers:
    """Made from the store's own connection, and closed before it."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection, self._local = connection, threading.local()
        self._all: weakref.WeakSet[_Reader] = weakref.WeakSet()
        self._gate, self._closed = threading.Lock(), False

    @contextlib.contextmanager
    def reading(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """This thread's connection. Raises StoreClosed, also when the store is closed in the middle."""
        reader = self._mine()
        with reader.busy:
            try:
                yield reader.connection
            except duckdb.Error as error:
                if self._closed:
                    raise StoreClosed("The store was closed while it was read.") from error
                raise

    def close(self) -> None:
        """Break off what is being read and wait until it has ended: as long as one reads, the file is not free."""
        with self._gate:
            self._closed = True
            readers = list(self._all)
            self._all.clear()
        for reader in readers:
            # Again and again, for a query that has not yet begun to run is not broken off.
            reader.connection.interrupt()
            while not reader.busy.acquire(timeout=BREAK_SECONDS):
                reader.connection.interrupt()
            reader.connection.close()
            reader.busy.release()

    def _mine(self) -> _Reader:
        reader: _Reader | None = getattr(self._local, "reader", None)
        if reader is None:
            with self._gate:
                if self._closed:
                    raise StoreClosed("The store is closed; nothing can be read any more.")
                reader = self._local.reader = _Reader(self._connection.cursor())
                self._all.add(reader)
        return reader
