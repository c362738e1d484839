"""The connections that read: one for every thread, so that they read side by side."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

import duckdb

from analytics.errors import StoreClosed

BREAK_SECONDS = 0.05
PATIENCE_SECONDS = 10.0  # for what is being read, before it is broken off so that the file can be exchanged


class _Reader:
    """A thread's connection; `busy` is held while it reads."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection, self.busy = connection, threading.Lock()
        self.thread = threading.current_thread()
        self.stale = self.broken = False  # `broken` off in the middle

    def hold(self) -> None:
        """Wait for what is being read, break off what takes too long, and leave `busy` held."""
        if self.busy.acquire(timeout=PATIENCE_SECONDS):
            return
        self.broken = True
        while not self.busy.acquire(timeout=BREAK_SECONDS):
            self.connection.interrupt()

    def close(self) -> None:
        """Break off what is being read: again and again, for a query that has not begun to run takes no notice."""
        while True:
            self.connection.interrupt()
            if self.busy.acquire(timeout=BREAK_SECONDS):
                break
        self.connection.close()
        self.busy.release()


class Readers:
    """Made from the store's own connection, and closed before it."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection, self._local = connection, threading.local()
        self._all: list[_Reader] = []  # of threads that have ended, too, until the next one begins
        self._gate, self._closed = threading.Lock(), False

    @contextlib.contextmanager
    def reading(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """This thread's connection. Raises StoreClosed, also when the store is closed in the middle."""
        reader = self._held()
        try:
            yield reader.connection
        except duckdb.Error as error:
            if self._closed:
                raise StoreClosed("The store was closed while it was read.") from error
            if reader.broken:
                raise StoreClosed("The store was renewed while it was read; ask again.") from error
            raise
        finally:
            reader.busy.release()

    @contextlib.contextmanager
    def away(self) -> Iterator[None]:
        """Close every connection; until this ends nobody reads, and then `move` must have been called."""
        with self._gate:
            readers, self._all = self._all, []
            for reader in readers:
                reader.hold()
                reader.stale = True
                reader.connection.close()
            try:
                yield
            finally:
                for reader in readers:
                    reader.busy.release()

    def move(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Read through this one's file from now on."""
        self._connection = connection

    def close(self) -> None:
        """Break off what is being read, and wait until it has ended: until then the file is not given back."""
        with self._gate:
            self._closed = True
            readers, self._all = self._all, []
        for reader in readers:
            reader.close()

    def _held(self) -> _Reader:
        while True:
            reader = self._mine()
            reader.busy.acquire()
            if not reader.stale:
                return reader
            reader.busy.release()  # the file was exchanged while this one waited

    def _mine(self) -> _Reader:
        reader: _Reader | None = getattr(self._local, "reader", None)
        if reader is None or reader.stale:
            with self._gate:
                if self._closed:
                    raise StoreClosed("The store is closed; nothing can be read any more.")
                for ended in [other for other in self._all if not other.thread.is_alive()]:
                    ended.close()
                    self._all.remove(ended)
                reader = self._local.reader = _Reader(self._connection.cursor())
                self._all.append(reader)
        return reader
