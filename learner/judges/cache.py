"""What a judge has said before, so that nothing is paid for twice and a run that broke off goes on where it was."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any


class Cache:
    """A JSONL file of (key, what was said); it holds hashes and verdicts, and none of the texts that were judged.

    Without a `path` it lives in memory. Safe to use from several threads of one process.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path, self._lock = path, threading.Lock()
        self._known: dict[str, Mapping[str, Any]] = {}
        if path is not None and path.exists():
            for line in path.read_text(encoding="utf-8").splitlines():
                try:
                    row = json.loads(line)
                    self._known[row["key"]] = row["said"]
                except (ValueError, KeyError, TypeError):
                    continue  # a process that was killed leaves half a line

    def get(self, key: str) -> Mapping[str, Any] | None:
        """What is kept under `key`, or None."""
        return self._known.get(key)

    def put(self, key: str, said: Mapping[str, Any]) -> None:
        """Keep it, at once."""
        with self._lock:
            self._known[key] = said
            if self._path is not None:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                with self._path.open("a", encoding="utf-8") as file:
                    file.write("\n" * self._broken_off() + json.dumps({"key": key, "said": said}) + "\n")

    def _broken_off(self) -> bool:
        assert self._path is not None
        with self._path.open("rb") as file:
            size = file.seek(0, 2)
            return size > 0 and file.seek(size - 1) >= 0 and file.read(1) != b"\n"


def key_of(identity: str, messages: Sequence[Mapping[str, str]]) -> str:
    """The hash of who is asked and of all that is said to it."""
    return sha256(json.dumps([identity, list(messages)], sort_keys=True, ensure_ascii=False).encode()).hexdigest()
