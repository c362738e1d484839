"""The client's connections: one for each event loop that many calls share, and plain ones for threads."""

from __future__ import annotations

import asyncio
import itertools
import socket
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from safety.errors import ScorerFailed
from safety.filter import Scores
from safety.scorer.frames import STATE, Frames, Known, State, framed

READ_BYTES = 2**18


class Lost(Exception):
    """The scorer hung up before it answered."""


class _Models:
    """The models that one connection has been told of: what is told first holds for the scores that follow."""

    def __init__(self) -> None:
        self._known: dict[str, Known] = {}

    def told(self, message: list[Any]) -> None:
        self._known = State.read(message[1]).models

    def scores(self, model: str, message: list[Any]) -> tuple[str, list[Scores]]:
        """The version that scored, and the scores by label. Raises ScorerFailed."""
        if message[1] is None:
            raise ScorerFailed(f"The scorer gave no scores: {message[2]}.")
        version, labels = self._known[model]
        # A model without labels of its own answers with scores by what it found.
        return version, message[1] if not labels else [dict(zip(labels, scores, strict=True)) for scores in message[1]]


Scored = tuple[str, list[Scores]]


class Link:
    """Many calls of one event loop share it; what they ask within one turn of the loop is sent together."""

    def __init__(self, path: Path) -> None:
        self._loop = asyncio.get_running_loop()
        self._sock, self.lost = _connected(path), False
        self._sock.setblocking(False)
        self._frames, self._models, self._numbers = Frames(), _Models(), itertools.count(STATE + 1)
        self._asked: dict[int, tuple[str, asyncio.Future[Scored]]] = {}
        self._out: list[bytes] = []
        self._loop.add_reader(self._sock, self._read)

    def __del__(self) -> None:
        self._sock.close()  # of a loop that was closed

    def ask(self, model: str, texts: Sequence[str], seconds: float) -> asyncio.Future[Scored]:
        """The scores to come; raises Lost and ScorerFailed when it is awaited."""
        number, future = next(self._numbers), self._loop.create_future()
        self._asked[number] = model, future
        if not self._out:
            self._loop.call_soon(self._flush)
        self._out.append(framed([number, model, int(1000 * seconds), texts]))
        return future

    def __len__(self) -> int:
        return len(self._asked)

    def _flush(self) -> None:
        if self.lost:
            return
        data = b"".join(self._out)
        try:
            sent = self._sock.send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._lose()
            return
        self._out = [data[sent:]] if sent < len(data) else []
        if self._out:
            self._loop.add_writer(self._sock, self._flush)
        else:
            self._loop.remove_writer(self._sock)

    def _read(self) -> None:
        try:
            data = self._sock.recv(READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._lose()
            return
        for message in self._frames.feed(data):
            if message[0] == STATE:
                self._models.told(message)
            else:
                self._answered(message)

    def _answered(self, message: list[Any]) -> None:
        model, future = self._asked.pop(message[0])
        if future.done():
            return  # nobody waits any more
        try:
            future.set_result(self._models.scores(model, message))
        except ScorerFailed as error:
            future.set_exception(error)

    def _lose(self) -> None:
        self.lost = True
        self._loop.remove_reader(self._sock)
        self._loop.remove_writer(self._sock)
        self._sock.close()
        for _, future in self._asked.values():
            if not future.done():
                future.set_exception(Lost())
        self._asked.clear()


class Line:
    """One call at a time, for a thread."""

    def __init__(self, path: Path) -> None:
        self._sock, self._frames, self._models = _connected(path), Frames(), _Models()

    def ask(self, model: str, texts: Sequence[str], until: float) -> Scored:
        """The scores. Raises Lost, ScorerFailed and TimeoutError, after which the line cannot be used again."""
        left = _left(until)
        try:
            self._sock.settimeout(left)
            self._sock.sendall(framed([STATE + 1, model, int(1000 * left), texts]))
            while True:
                self._sock.settimeout(_left(until))
                data = self._sock.recv(READ_BYTES)
                if not data:
                    raise Lost
                for message in self._frames.feed(data):
                    if message[0] != STATE:
                        return self._models.scores(model, message)
                    self._models.told(message)
        except ConnectionError:
            raise Lost from None

    def close(self) -> None:
        """Hang up."""
        self._sock.close()


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _connected(path: Path) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.connect(str(path))
    except OSError:
        sock.close()
        raise ScorerFailed("The scorer has been stopped.") from None
    return sock
