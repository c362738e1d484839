"""Numbered migrations: each file of `migrations/` is applied once, in order, and its name is kept."""

from __future__ import annotations

from pathlib import Path

import duckdb

from analytics.errors import StoreBroken

FOLDER = Path(__file__).with_name("migrations")


def migrate(connection: duckdb.DuckDBPyConnection, folder: Path = FOLDER) -> list[str]:
    """Apply what is missing, each file in one transaction, and return the names that were applied.

    Raises StoreBroken when the store was written by a newer version.
    """
    connection.execute("CREATE TABLE IF NOT EXISTS migration (name VARCHAR PRIMARY KEY)")
    done = {name for (name,) in connection.execute("SELECT name FROM migration").fetchall()}
    files = {path.stem: path for path in sorted(folder.glob("*.sql"))}
    if unknown := done - set(files):
        raise StoreBroken(f"The store was written by a newer version of Ratchet ({min(unknown)}); update Ratchet.")
    missing = [name for name in files if name not in done]
    for name in missing:
        _apply(connection, name, files[name].read_text())
    return missing


def _apply(connection: duckdb.DuckDBPyConnection, name: str, sql: str) -> None:
    connection.begin()
    try:
        connection.execute(sql)
        connection.execute("INSERT INTO migration (name) VALUES (?)", [name])
    except duckdb.Error as error:
        connection.rollback()
        raise StoreBroken(f"The migration {name} of the store failed: {error}") from error
    connection.commit()
