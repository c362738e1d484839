"""Where the audit chain ended after each decision, in a file beside the store: what the chain itself cannot show.

A chain from which rows were cut at the end is a whole, shorter chain. So after every commit with decisions its length
and last hash are appended to `store.heads.jsonl`, one signed line each. Lines are only ever added, so a chain that was
cut and went on contradicts what stands before. Who may write both files and read the signing key can forge all of it;
only a hash that was noted elsewhere finds that (docs/audit.md).
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from analytics.signing import BadSignature, Signer, verify

SUFFIX = ".heads.jsonl"
UNREADABLE = (BadSignature, ValueError, TypeError, KeyError)
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Head:
    """After `count` decisions, the last `rows` of them in one commit at `at` (ISO 8601, UTC), the hash was `hash`.

    `rows` is 0 where a start found the chain longer than the last line says.
    """

    count: int
    rows: int
    hash: str
    at: str


class Heads:
    """The file beside a store at `path`, whose home has the signing key. Raises BadKey."""

    def __init__(self, path: Path) -> None:
        self.path, self._signer = path.with_suffix(SUFFIX), Signer.open(path.parent)
        self._known: dict[str, Head] = {}  # by line: a signature need not be checked twice

    def add(self, count: int, rows: int, last_hash: str, at: datetime) -> None:
        """Append a line; returns when it is durable. A disk that takes none is told in the log: the decision stands."""
        line = self._signer.sign(asdict(Head(count, rows, last_hash, at.isoformat())))
        try:
            with self.path.open("a") as file:
                file.write(f"{json.dumps(line)}\n")
                file.flush()
                os.fdatasync(file.fileno())
        except OSError as error:
            log.error("The end of the audit chain could not be noted in %s: %s", self.path, error)

    def catch_up(self, count: int, last_hash: str, at: datetime) -> None:
        """Note where the chain ends if it goes on from the last line: a server was killed between row and line.

        Where it does not, the last line stays as the witness. A line that was not written whole is taken away. Only the
        last line is looked at: every opening of a store comes by here, and `read` looks at all of them.
        """
        self._mend()
        if count > self._last():
            self.add(count, 0, last_hash, at)

    def read(self) -> tuple[list[Head], str | None]:
        """All lines in order, and what is wrong with the first that was not signed here; a torn last line is left out.

        A line that is not signed, or cannot be read, ends the list.
        """
        lines: list[Head] = []
        for number, raw in enumerate(self._lines(), 1):
            try:
                lines.append(self._known[raw] if raw in self._known else self._head(raw))
            except UNREADABLE as error:
                return lines, f"Line {number} of {self.path.name} was changed or is not this home's: {error}"
        return lines, None

    def _last(self) -> int:
        """The count of the last line that was signed here; 0 without one."""
        for raw in reversed(self._lines()):
            with contextlib.suppress(*UNREADABLE):
                return self._head(raw).count
        return 0

    def _lines(self) -> list[str]:
        with contextlib.suppress(FileNotFoundError):
            # Without its end of line, a line was not written whole.
            return self.path.read_text(errors="replace").split("\n")[:-1]
        return []

    def _mend(self) -> None:
        with contextlib.suppress(FileNotFoundError), self.path.open("rb+") as file:
            whole = file.read().rfind(b"\n") + 1
            file.truncate(whole)

    def _head(self, raw: str) -> Head:
        line: dict[str, Any] = json.loads(raw)
        verify(line, self._signer.public_key)
        self._known[raw] = head = Head(**{name: line[name] for name in ("count", "rows", "hash", "at")})
        return head
