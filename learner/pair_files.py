"""Pairs as a file: the Parquet of a frozen dataset."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from learner.errors import BadFile
from learner.pair import Pair

_MESSAGE = pa.struct([("role", pa.string()), ("content", pa.string())])
_SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in ("turn_id", "person")),
        ("prompt", pa.list_(_MESSAGE)),
        *((name, pa.string()) for name in ("chosen", "rejected", "source")),
        ("weight", pa.float64()),
    ]
)


def read_pairs(path: Path) -> list[Pair]:
    """The pairs of a `dataset.parquet`. Raises BadFile."""
    try:
        rows = pq.read_table(path, columns=_SCHEMA.names).to_pylist()
    except (OSError, pa.ArrowException) as error:
        raise BadFile(f"{path} holds no pairs that can be read ({error}); name the dataset of a run.") from error
    return [Pair(**{**row, "prompt": tuple(row["prompt"])}) for row in rows]


def write_pairs(pairs: Sequence[Pair], path: Path) -> None:
    """Write the pairs; the folder must be there."""
    rows = [{**asdict(pair), "prompt": list(pair.prompt)} for pair in pairs]
    pq.write_table(pa.Table.from_pylist(rows, schema=_SCHEMA), path)
