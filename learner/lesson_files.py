"""Lessons as Parquet files: pairs and ratings, with the columns of their classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from learner.errors import BadFile
from learner.lessons import Lessons, Rating
from learner.pair import Pair

Lesson = TypeVar("Lesson", Pair, Rating)

_MESSAGE = pa.struct([("role", pa.string()), ("content", pa.string())])
_TYPES = {"prompt": pa.list_(_MESSAGE), "weight": pa.float64(), "good": pa.bool_()}


class Frozen(NamedTuple):
    """What teaches, and what judges, from people of other groups."""

    learn: Lessons
    judge: Lessons


def read_frozen(folder: Path) -> Frozen:
    """The rows of the dataset in `folder`; it may be without pairs or without ratings. Raises BadFile."""
    if not (folder / "dataset.parquet").is_file() and not (folder / "ratings.parquet").is_file():
        raise BadFile(f"{folder} holds no dataset: there is neither a dataset.parquet nor a ratings.parquet in it.")
    learn, judge = (
        Lessons(_if_there(Pair, folder / f"{pairs}.parquet"), _if_there(Rating, folder / f"{ratings}.parquet"))
        for pairs, ratings in (("dataset", "ratings"), ("judge", "judge_ratings"))
    )
    return Frozen(learn, judge)


def read_lessons(kind: type[Lesson], path: Path) -> list[Lesson]:
    """The rows of a file; other columns than those of `kind` are left out. Raises BadFile."""
    try:
        rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    except (OSError, pa.ArrowException) as error:
        raise BadFile(f"{path} holds no rows that can be read as Parquet ({error}).") from None
    names = {field.name for field in fields(kind)}
    if rows and (missing := names - {"weight"} - set(rows[0])):
        raise BadFile(f"{path} has no column {', '.join(sorted(missing))}.")
    kept = ({name: value for name, value in row.items() if name in names} for row in rows)
    return [kind(**{**row, "prompt": tuple(row["prompt"])}) for row in kept]


def write_lessons(kind: type[Lesson], rows: Sequence[Lesson], path: Path) -> None:
    """Write the rows, be there any or not; the folder must be there."""
    schema = pa.schema([(one.name, _TYPES.get(one.name, pa.string())) for one in fields(kind)])
    values = [{**asdict(row), "prompt": list(row.prompt)} for row in rows]
    pq.write_table(pa.Table.from_pylist(values, schema=schema), path)


def _if_there(kind: type[Lesson], path: Path) -> list[Lesson]:
    return read_lessons(kind, path) if path.exists() else []
