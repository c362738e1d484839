"""The scorer's side of its connections: one queue, from which what waits is scored together."""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from safety.scorer.frames import STATE, Frames, Known, State, framed
from safety.scorer.models import Beside, Job, Model, answers, batch_of
from safety.scorer.options import BUNDLED, DETOXIFY

BATCH_TEXTS = 32
BESIDE_TEXTS = 4  # windows that are scored together; with more of them each would only wait longer
READ_BYTES = 2**18


class Connection:
    """One that asks. `heard` is called with each message, `lost` once it has gone."""

    def __init__(
        self,
        sock: socket.socket,
        selector: selectors.BaseSelector,
        heard: Callable[[Connection, list[Any]], None],
        lost: Callable[[Connection], None],
    ) -> None:
        sock.setblocking(False)
        self._sock, self._selector, self._heard, self._lost = sock, selector, heard, lost
        self._frames, self._out, self._open = Frames(), b"", True
        selector.register(sock, selectors.EVENT_READ, self.happens)

    def happens(self, events: int) -> None:
        """Read or write what can be."""
        try:
            if events & selectors.EVENT_WRITE:
                self.answer(b"")
            if events & selectors.EVENT_READ and self._open:
                self._read()
        except (OSError, ValueError, TypeError):
            self.close()

    def answer(self, data: bytes) -> None:
        """Send; what cannot be sent yet follows as soon as it can. One that has gone is not missed."""
        if not self._open:
            return
        self._out += data
        try:
            sent = self._sock.send(self._out)
        except BlockingIOError:
            sent = 0
        except OSError:
            self.close()
            return
        self._out = self._out[sent:]
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if self._out else 0)
        if self._selector.get_key(self._sock).events != wanted:
            self._selector.modify(self._sock, wanted, self.happens)

    def close(self) -> None:
        """Hang up."""
        if self._open:
            self._open = False
            self._selector.unregister(self._sock)
            self._sock.close()
            self._lost(self)

    def _read(self) -> None:
        try:
            data = self._sock.recv(READ_BYTES)
        except BlockingIOError:
            return
        if not data:
            self.close()
            return
        for message in self._frames.feed(data):
            self._heard(self, message)


class ScorerServer:
    """Serves on a socket that listens, until `stop` or until the parent hangs up its end of `parent`.

    The bundled classifier is asked right here, since it takes no longer than handing over would. `loads` has how each
    other model is loaded, which keeps nobody waiting who does not ask for it.
    """

    def __init__(
        self,
        listening: socket.socket,
        parent: socket.socket | None,
        bundled: Model,
        loads: Mapping[str, Callable[[], Model]] | None = None,
    ) -> None:
        self._selector = selectors.DefaultSelector()
        self._connections: set[Connection] = set()
        self._bundled = bundled
        self._queue: deque[Job] = deque()
        self._ended = False
        listening.setblocking(False)
        self._wakes, self._wake = os.pipe()
        os.set_blocking(self._wakes, False)
        os.set_blocking(self._wake, False)
        self._selector.register(listening, selectors.EVENT_READ, lambda _: self._accept(listening))
        self._selector.register(self._wakes, selectors.EVENT_READ, lambda _: self._collect())
        self._settled = not loads
        self._beside = {name: Beside(load, self.wake, BESIDE_TEXTS) for name, load in (loads or {}).items()}
        self._parent = self._connect(parent) if parent is not None else None

    def serve(self) -> None:
        """Answer until told to stop."""
        while not self._ended:
            for key, events in self._selector.select(0 if self._queue else None):
                key.data(events)
            if self._queue:
                for job, frame in answers(self._bundled, batch_of(self._queue, BATCH_TEXTS)):
                    job.answer(frame)

    def stop(self) -> None:
        """Let `serve` return; may be called from a signal's handler."""
        self._ended = True
        self.wake()

    def wake(self) -> None:
        """Let `serve` look around; may be called from any thread."""
        with contextlib.suppress(BlockingIOError):
            os.write(self._wake, b"!")

    def _accept(self, listening: socket.socket) -> None:
        with contextlib.suppress(BlockingIOError):
            self._connect(listening.accept()[0])

    def _connect(self, sock: socket.socket) -> Connection:
        connection = Connection(sock, self._selector, self._heard, self._lost)
        self._connections.add(connection)
        connection.answer(framed([STATE, self._state().told()]))
        return connection

    def _lost(self, connection: Connection) -> None:
        self._connections.discard(connection)
        self._ended |= connection is self._parent

    def _heard(self, connection: Connection, message: list[Any]) -> None:
        if message[0] == STATE:
            connection.answer(framed([STATE, self._state().told()]))
            return
        number, model, wait_ms, texts = message
        job = Job(connection.answer, number, texts, time.monotonic() + wait_ms / 1000)
        if model == BUNDLED:
            self._queue.append(job)
        elif model in self._beside:
            self._beside[model].put(job)
        else:
            connection.answer(framed([number, None, f"there is no model {model!r}"]))

    def _collect(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._wakes, 4096)
        for beside in self._beside.values():
            for job, frame in beside.collect():
                job.answer(frame)
        if not self._settled and all(beside.settled for beside in self._beside.values()):
            self._settled = True
            self._tell()

    def _tell(self) -> None:
        for connection in list(self._connections):
            connection.answer(framed([STATE, self._state().told()]))

    def _state(self) -> State:
        models = {BUNDLED: Known(self._bundled.version, tuple(self._bundled.labels))}
        for name, beside in self._beside.items():
            if beside.model is not None and self._settled:
                models[name] = Known(beside.model.version, tuple(beside.model.labels))
        detoxify = self._beside.get(DETOXIFY)
        return State(os.getpid(), models, self._settled, detoxify.why_not if detoxify else "")
