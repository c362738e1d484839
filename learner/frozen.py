"""A frozen dataset as recipes take it: read from the Parquet files in its folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from learner.errors import BadFile
from learner.lessons import Lessons, Rating
from learner.pair import Pair

Row = TypeVar("Row", Pair, Rating)


class Frozen(NamedTuple):
    """What teaches, and what judges, from people of other groups."""

    learn: Lessons
    judge: Lessons


def read_frozen(folder: Path) -> Frozen:
    """The rows of the dataset in `folder`; it may be without ratings. Raises BadFile."""
    if not (folder / "dataset.parquet").is_file() and not (folder / "ratings.parquet").is_file():
        raise BadFile(f"{folder} holds no dataset: there is neither a dataset.parquet nor a ratings.parquet in it.")
    learn = Lessons(_rows(Pair, folder / "dataset.parquet"), _rows(Rating, folder / "ratings.parquet"))
    judge = Lessons(_rows(Pair, folder / "judge.parquet"), _rows(Rating, folder / "judge_ratings.parquet"))
    return Frozen(learn, judge)


def _rows(kind: type[Row], path: Path) -> list[Row]:
    if not path.exists():
        return []
    try:
        rows: list[Mapping[str, Any]] = pq.read_table(path).to_pylist()
    except (OSError, pa.ArrowInvalid) as error:
        raise BadFile(f"{path} cannot be read as Parquet: {error}.") from None
    names = {field.name for field in fields(kind)}
    if rows and (missing := names - {"weight"} - set(rows[0])):
        raise BadFile(f"{path} has no column {', '.join(sorted(missing))}.")
    kept = ({name: value for name, value in row.items() if name in names} for row in rows)
    return [kind(**{**row, "prompt": tuple(row["prompt"])}) for row in kept]
