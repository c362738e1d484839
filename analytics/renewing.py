"""A new file for the store with what is left in it: DuckDB keeps the bytes of deleted rows in the old one."""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb

from analytics.columns import tables
from analytics.disk import to_disk

ATTACHED = "fresh"  # its name while it is being written
FRESH = ".fresh"  # behind the name of the store's file: a copy that is not whole yet, or waits to take its place


def copied(connection: duckdb.DuckDBPyConnection, fresh: Path) -> int:
    """Copy every table and view, as they are at one instant, into the file `fresh`, which stays attached.

    Others may write meanwhile. Returns the highest `seq` that was copied. Raises duckdb.Error, OSError.
    """
    forget(connection, fresh)
    (name,) = connection.execute("SELECT current_catalog()").fetchall()[0]
    place = str(fresh).replace("'", "''")
    connection.execute(f"ATTACH '{place}' AS {ATTACHED}")
    connection.begin()
    try:
        highest = " UNION ALL ".join(f"SELECT max(seq) AS seq FROM {table}" for table in tables())
        (last,) = connection.execute(f"SELECT coalesce(max(seq), -1) FROM ({highest})").fetchall()[0]
        connection.execute(f'COPY FROM DATABASE "{name}" TO {ATTACHED}')
        connection.commit()
    except BaseException:
        connection.rollback()
        raise
    return int(last)


def caught_up(connection: duckdb.DuckDBPyConnection, since: int) -> None:
    """Copy what was appended after the event `since` as well, and let go of the fresh file. Raises duckdb.Error."""
    for table in tables():
        connection.execute(f"INSERT INTO {ATTACHED}.{table} BY NAME SELECT * FROM {table} WHERE seq > ?", [since])
    connection.execute(f"DETACH {ATTACHED}")  # writes its log into the file


def forget(connection: duckdb.DuckDBPyConnection, fresh: Path) -> None:
    """Let go of a copy that is not wanted any more. Raises OSError."""
    connection.execute(f"DETACH DATABASE IF EXISTS {ATTACHED}")
    _remove(fresh)


def exchange(fresh: Path, path: Path) -> None:
    """Put `fresh` in the place of `path`, which nobody has open, in one step and durably."""
    to_disk(fresh)
    _remove_beside(path)
    fresh.replace(path)
    to_disk(path.parent)


def leftovers(path: Path) -> None:
    """Remove a copy that a crash has left beside the store's file, and what a killed process spilled there."""
    _remove(path.with_name(f"{path.name}{FRESH}"))
    shutil.rmtree(path.with_name(f"{path.name}.tmp"), ignore_errors=True)


def _remove_beside(path: Path) -> None:
    # A log of the old file would be played into the new one.
    path.with_name(f"{path.name}.wal").unlink(missing_ok=True)
    shutil.rmtree(path.with_name(f"{path.name}.tmp"), ignore_errors=True)


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)
    _remove_beside(path)
