"""Rows of Parquet files that go, by the same rules as in the store."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import duckdb

from analytics.erasing import Scope, cleaned, goes, mark, named


class Rows:
    """Counts and rewrites, by the rules for one scope. Open one with `Rows.of`."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    @classmethod
    @contextlib.contextmanager
    def of(cls, scope: Scope) -> Iterator[Rows]:
        """The rules for `scope`, while this lasts."""
        with duckdb.connect() as connection:
            mark(connection, scope)
            yield cls(connection)

    def count(self, path: Path) -> int:
        """How many rows go. Raises duckdb.Error for a file that is no Parquet, or is not whole."""
        sql = f"SELECT count(*) FROM {_place(path)} WHERE {goes(self._columns(path))}"
        return int(self._connection.execute(sql).fetchall()[0][0])

    def ids(self, path: Path) -> list[str]:
        """The turns of the rows that go. Raises duckdb.Error."""
        columns = self._columns(path)
        if "turn_id" not in columns:
            return []
        rows = self._connection.execute(f"SELECT turn_id FROM {_place(path)} WHERE {goes(columns)}").fetchall()
        return [str(turn) for (turn,) in rows]

    def texts(self, path: Path) -> list[str]:
        """What stands in the rows that go and in none that stay, of the columns with answers. Raises duckdb.Error."""
        columns = self._columns(path)
        wanted = [name for name in ("chosen", "rejected", "completion", "text") if name in columns]
        if not wanted:
            return []
        said = " UNION ALL ".join(
            f'SELECT "{name}" AS text, {goes(columns)} AS gone FROM {_place(path)}' for name in wanted
        )
        sql = f"SELECT text FROM ({said}) WHERE text IS NOT NULL GROUP BY text HAVING bool_and(gone)"
        return [str(text) for (text,) in self._connection.execute(sql).fetchall()]

    def rewrite(self, path: Path, draft: Path) -> bool:
        """Write what stays to `draft`; returns whether anything differs. Raises duckdb.Error."""
        columns = self._columns(path)
        changed = cleaned(columns)
        differs = " OR ".join(f'"{name}" IS DISTINCT FROM {sql}' for name, sql in changed.items()) or "false"
        condition = goes(columns)
        sql = f"SELECT count(*) FROM {_place(path)} WHERE {condition} OR {differs}"
        if not self._connection.execute(sql).fetchall()[0][0]:
            return False
        kept = ", ".join(f'{sql} AS "{name}"' for name, sql in changed.items())
        replace = f"* REPLACE ({kept})" if kept else "*"
        target = str(draft).replace("'", "''")
        self._connection.execute(
            f"COPY (SELECT {replace} FROM {_place(path)} WHERE NOT {condition}) TO '{target}' (FORMAT parquet)"
        )
        return True

    def _columns(self, path: Path) -> list[str]:
        return named(self._connection, _place(path))


def _place(path: Path) -> str:
    return "read_parquet('{}')".format(str(path).replace("'", "''"))
