"""Whether anything is left: the texts are searched for in every file of the home, in Parquet also in its values."""

from __future__ import annotations

import json
import mmap
from collections.abc import Sequence
from pathlib import Path

import duckdb

from learner.erasing.files import WEIGHTS

FOLDER = "erasures"  # in the home
MOST_TEXTS = 64  # that are looked for: more take long in a large store


def search(home: Path, texts: Sequence[str]) -> list[str]:
    """The files, but for receipts, in which one of the texts still stands; relative to the home."""
    wanted = list(texts)
    if not wanted:
        return []
    found = []
    with duckdb.connect() as connection:
        for path in sorted(home.rglob("*")):
            if path.is_symlink() or not path.is_file() or path.suffix in WEIGHTS or path.parent.name == FOLDER:
                continue
            in_values = path.suffix == ".parquet" and _in_values(connection, path, wanted)
            if in_values or _in_bytes(path, wanted):
                found.append(str(path.relative_to(home)))
    return found


def _in_bytes(path: Path, texts: Sequence[str]) -> bool:
    forms = {form for text in texts for form in (text.encode(), json.dumps(text)[1:-1].encode())}
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return any(content.find(form) >= 0 for form in forms)
    except (OSError, ValueError):  # a file that went, or that is no file of bytes
        return False


def _in_values(connection: duckdb.DuckDBPyConnection, path: Path, texts: Sequence[str]) -> bool:
    place = str(path).replace("'", "''")
    try:
        columns = [row[0] for row in connection.execute(f"DESCRIBE SELECT * FROM read_parquet('{place}')").fetchall()]
        hits = " OR ".join(f'contains("{name}"::VARCHAR, text)' for name in columns)
        found = connection.execute(
            f"SELECT 1 FROM read_parquet('{place}'), (SELECT unnest(?::VARCHAR[]) AS text) WHERE {hits} LIMIT 1",
            [[*texts, *(json.dumps(text)[1:-1] for text in texts)]],  # as it stands in a column of JSON
        ).fetchall()
    except duckdb.Error:
        return False
    return bool(found)
