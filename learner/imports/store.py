"""Imports in the store: added in one transaction, listed, and taken back. Nothing is deleted."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from analytics import Example, Import, Store
from analytics.columns import column_types
from learner.errors import BadImport, UnknownImport

VOUCHED = "whoever imported the file vouches that its people agree to learning from it"
FOLDER = "imports"  # under the home; drafts lie in it until they are imported
_ID = re.compile(r"[0-9a-f]{12}")


class Imports:
    """What was imported. Its calls block, so they are for threads."""

    def __init__(self, store: Store, home: Path) -> None:
        self._store, self._folder = store, home / FOLDER

    def list(self) -> list[dict[str, Any]]:
        """Every import that was ever made, the newest first: its id, file, format, actor, at, state and rows."""
        rows = self._store.rows(
            """
            WITH counts AS (SELECT import_id, count(*) AS rows FROM example GROUP BY import_id)
            SELECT import_id, arg_min(file, seq) AS file, arg_min(format, seq) AS format, arg_min(actor, seq) AS actor,
                   arg_min(file_sha256, seq) AS file_sha256, arg_min(vouched, seq) AS vouched, min("at") AS "at",
                   if(arg_max(action, seq) = 'remove', 'taken back', 'stands') AS state,
                   any_value(coalesce(rows, 0)) AS rows
            FROM import LEFT JOIN counts USING (import_id) GROUP BY import_id ORDER BY min(seq) DESC
            """
        )
        return [dict(row) for row in rows]

    def new(self, import_id: str) -> int:
        """How many rows of a draft no import that stands has. Raises BadImport."""
        (row,) = self._store.rows(
            "SELECT count(DISTINCT example_id) AS new FROM read_parquet(?) "
            "WHERE example_id NOT IN (SELECT example_id FROM examples)",
            (str(self._draft(import_id)),),
        )
        return int(row["new"])

    def add(self, import_id: str, told: Mapping[str, Any], actor: str) -> dict[str, Any]:
        """Append a draft, of whose file `told` tells; returns the import, with `new` rows. Raises BadImport."""
        draft = self._draft(import_id)
        if any(one["import_id"] == import_id for one in self.list()):
            raise BadImport(f"The import {import_id} was made already.")
        detail = {name: told.get(name) for name in ("records", "taken", "kinds", "sources", "left", "raters")}
        format, file, digest = (str(told[name]) for name in ("format", "file", "file_sha256"))
        event = Import(import_id, "add", actor, format, file, digest, VOUCHED, detail)
        audit = self._store.audit("import.add", actor, {"import_id": import_id, "file_sha256": digest, **detail})
        written = self._store.append_file(Example, draft, "example_id", event, audit)
        return {**self._one(import_id), "new": written}

    def remove(self, import_id: str, actor: str) -> dict[str, Any]:
        """Take an import back: no later dataset has its rows. Raises UnknownImport."""
        before = self._one(import_id)
        if before["state"] != "stands":
            raise UnknownImport(import_id)
        format, file, digest = (str(before[name]) for name in ("format", "file", "file_sha256"))
        event = Import(import_id, "remove", actor, format, file, digest, str(before["vouched"]), {})
        self._store.append(event, self._store.audit("import.remove", actor, {"import_id": import_id}))
        return self._one(import_id)

    def _one(self, import_id: str) -> dict[str, Any]:
        found = next((one for one in self.list() if one["import_id"] == import_id), None)
        if found is None:
            raise UnknownImport(import_id)
        return found

    def _draft(self, import_id: str) -> Path:
        path = self._folder / f"{import_id}.parquet"
        if _ID.fullmatch(import_id) is None or not path.is_file():
            raise BadImport(f"There is no draft {import_id!r} in {self._folder}; `./ratchet import FILE` makes one.")
        columns: Sequence[str] = pq.read_schema(path).names
        if list(columns) != list(column_types(Example)):
            raise BadImport(f"{path} is no draft of an import.")
        return path
