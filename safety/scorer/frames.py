"""Messages on the scorer's connections: four bytes of length, then JSON.

A request is [number, model, milliseconds that it may wait, texts], and [0] asks for the state. The scorer answers
[number, scores of each text in the order of the model's labels], or [number, null, what went wrong]; [0, state] comes
first, and whenever the state has changed.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any, NamedTuple

import orjson

HEAD = struct.Struct(">I")
LARGEST = 64 * 2**20
STATE = 0  # the number of a message that is about the state


class Known(NamedTuple):
    """A model that is there: the name of its weights, and its labels in the order of the scores."""

    version: str
    labels: tuple[str, ...]


class State(NamedTuple):
    """The models by name; it is `settled` once it is known whether Detoxify is among them, or `why_not`."""

    pid: int
    models: dict[str, Known]
    settled: bool
    why_not: str

    def told(self) -> list[Any]:
        """As JSON can have it."""
        models = {name: [known.version, list(known.labels)] for name, known in self.models.items()}
        return [self.pid, models, self.settled, self.why_not]

    @classmethod
    def read(cls, told: list[Any]) -> State:
        """What `told` gave."""
        pid, models, settled, why_not = told
        known = {name: Known(version, tuple(labels)) for name, (version, labels) in models.items()}
        return cls(pid, known, settled, why_not)


def framed(message: object) -> bytes:
    """The bytes of a message."""
    data = orjson.dumps(message)
    return HEAD.pack(len(data)) + data


class Frames:
    """Puts messages together from the bytes that arrive."""

    def __init__(self) -> None:
        self._data = bytearray()

    def feed(self, data: bytes) -> Iterator[list[Any]]:
        """The messages that are whole by now. Raises ValueError for what is none."""
        self._data += data
        while len(self._data) >= HEAD.size:
            (size,) = HEAD.unpack_from(self._data)
            if size > LARGEST:
                raise ValueError(f"a message of {size} bytes")
            if len(self._data) < HEAD.size + size:
                return
            message = orjson.loads(memoryview(self._data)[HEAD.size : HEAD.size + size])
            del self._data[: HEAD.size + size]
            yield message
