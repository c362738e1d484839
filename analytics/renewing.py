"""A new file for the store with what is left in it: DuckDB keeps the bytes of deleted rows in the old one."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import duckdb

FRESH = ".fresh"  # behind the name of the store's file: a copy that is not whole yet, or waits to take its place


def copied(connection: duckdb.DuckDBPyConnection, fresh: Path) -> None:
    """Copy every table and view into the file `fresh`; what was deleted is not copied. Raises duckdb.Error."""
    _remove(fresh)
    (name,) = connection.execute("SELECT current_catalog()").fetchall()[0]
    place = str(fresh).replace("'", "''")
    connection.execute(f"ATTACH '{place}' AS fresh")
    try:
        connection.execute(f'COPY FROM DATABASE "{name}" TO fresh')
    finally:
        connection.execute("DETACH fresh")  # writes its log into the file


def exchange(fresh: Path, path: Path) -> None:
    """Put `fresh` in the place of `path`, which nobody has open, in one step and durably."""
    _sync(fresh)
    _remove_beside(path)
    fresh.replace(path)
    _sync(path.parent)


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


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
