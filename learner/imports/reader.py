"""Records of a file, one after the other: JSON, JSONL, Parquet or CSV, also compressed by gzip. Memory is bounded."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Generator, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from learner.errors import BadImport

BATCH = 512  # rows of a Parquet file
MOST_WHOLE = 64 << 20  # bytes of a JSON file that holds one object, which is read whole
_LISTS = ("records", "items", "data", "rows", "feedbacks", "chats")  # under which an object may hold its records
KNOWN = ".json, .jsonl, .ndjson, .parquet, .csv, .tsv, and the same with .gz"


class Found(NamedTuple):
    """A record, and where it stands."""

    place: str
    record: Mapping[str, Any]


def read(path: Path) -> Generator[Found, None, None]:
    """The records of a file. Raises BadImport for one that cannot be read, naming the line."""
    if not path.is_file():
        raise BadImport(f"There is no file {path}.")
    if path.stat().st_size == 0:
        raise BadImport(f"{path} is empty.")
    kind = path.suffixes[-2] if path.suffix == ".gz" and len(path.suffixes) > 1 else path.suffix
    readers = {
        ".jsonl": _lines, ".ndjson": _lines, ".json": _json, ".parquet": _parquet, ".csv": _csv, ".tsv": _csv
    }  # fmt: skip
    if kind not in readers:
        raise BadImport(f"{path.name} has an unknown ending; known are {KNOWN}.")
    try:
        yield from readers[kind](path)
    except (OSError, EOFError) as error:
        raise BadImport(f"{path} cannot be read: {error}.") from None


def _open(path: Path) -> BinaryIO:
    return gzip.open(path) if path.suffix == ".gz" else path.open("rb")  # type: ignore[return-value]


def _lines(path: Path) -> Iterator[Found]:
    with _open(path) as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                yield Found(f"line {number}", _object(line, path, f"line {number}"))


def _object(line: bytes, path: Path, place: str) -> Mapping[str, Any]:
    try:
        value = orjson.loads(line.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError as error:
        raise BadImport(
            f"{path.name}, {place} is no JSON ({error}); correct or delete it, nothing was imported."
        ) from None
    if not isinstance(value, dict):
        raise BadImport(f"{path.name}, {place} must be an object, and is {type(value).__name__}; nothing was imported.")
    return value


def _json(path: Path) -> Iterator[Found]:
    with _open(path) as file:
        begin = file.read(4096).lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    if begin == b"[":
        yield from _array(path)
        return
    with _open(path) as file:  # many files of JSON lines are called .json
        first = file.readline(MOST_WHOLE)
        rest = file.readline(MOST_WHOLE)
    try:
        whole_line = isinstance(orjson.loads(first), dict)
    except orjson.JSONDecodeError:
        whole_line = False
    if whole_line and rest.strip():
        yield from _lines(path)
        return
    yield from _in_object(path)


def _array(path: Path) -> Iterator[Found]:
    import ijson

    number = 0
    try:
        with _open(path) as file:
            for number, record in enumerate(ijson.items(file, "item", use_float=True), 1):
                if not isinstance(record, dict):
                    raise BadImport(
                        f"{path.name}, record {number} must be an object, and is {type(record).__name__}; nothing was "
                        "imported."
                    )
                yield Found(f"record {number}", record)
    except (ijson.JSONError, UnicodeDecodeError) as error:
        raise BadImport(
            f"{path.name} is no JSON after record {number} ({error}); correct it, nothing was imported."
        ) from None


def _in_object(path: Path) -> Iterator[Found]:
    with _open(path) as file:
        content = file.read(MOST_WHOLE + 1)
    if len(content) > MOST_WHOLE:
        raise BadImport(f"{path.name} is one object of more than {MOST_WHOLE >> 20} MiB; write a list or JSON lines.")
    value = _object(content, path, "as a whole,")
    for name in _LISTS:
        if isinstance(value.get(name), list) and value[name] and isinstance(value[name][0], dict):
            yield from (Found(f"record {number}", record) for number, record in enumerate(value[name], 1))
            return
    columns = {name: column for name, column in value.items() if isinstance(column, list)}
    if columns and len(columns) == len(value) and len({len(column) for column in columns.values()}) == 1:
        # Columns by their names, as Argilla and pandas write them.
        for number, row in enumerate(zip(*columns.values(), strict=True), 1):
            yield Found(f"record {number}", dict(zip(columns, row, strict=True)))
    elif value and all(isinstance(record, dict) and "fields" in record for record in value.values()):
        yield from (Found(f"record {key!r}", record) for key, record in value.items())
    else:
        yield Found("record 1", value)


def _parquet(path: Path) -> Iterator[Found]:
    try:
        with pq.ParquetFile(path) as file:
            number = 0
            for batch in file.iter_batches(BATCH):
                for record in batch.to_pylist():
                    number += 1
                    yield Found(f"row {number}", record)
    except pa.ArrowException as error:
        raise BadImport(f"{path.name} is no Parquet file that can be read ({error}); nothing was imported.") from None


def _csv(path: Path) -> Iterator[Found]:
    csv.field_size_limit(1 << 24)
    delimiter = "\t" if ".tsv" in path.suffixes else ","
    with _open(path) as raw:
        rows = csv.reader(
            (line.decode("utf-8-sig" if first else "utf-8") for first, line in _numbered(raw)), delimiter=delimiter
        )
        try:
            names = next(rows, [])
            for row in rows:
                if not row:
                    continue
                if len(row) != len(names):
                    raise BadImport(
                        f"{path.name}, line {rows.line_num} has {len(row)} fields, and the first line names "
                        f"{len(names)}; nothing was imported."
                    )
                yield Found(f"line {rows.line_num}", dict(zip(names, row, strict=True)))
        except (csv.Error, UnicodeDecodeError) as error:
            raise BadImport(
                f"{path.name}, line {rows.line_num} is no CSV in UTF-8 ({error}); nothing was imported."
            ) from None


def _numbered(file: BinaryIO) -> Iterator[tuple[bool, bytes]]:
    for number, line in enumerate(file):
        yield number == 0, line
