"""How events become columns of their tables."""

from __future__ import annotations

import json
import types
from collections.abc import Mapping, Sequence
from dataclasses import fields
from functools import cache
from typing import Any, Union, get_args, get_origin, get_type_hints

import orjson

from analytics.events import EVENTS, Event
from analytics.events_accounts import ACCOUNT_EVENTS
from analytics.events_drift import DRIFT_EVENTS
from analytics.events_erasure import ERASURE_EVENTS
from analytics.events_evaluation import Evaluation
from analytics.events_experiments import ArmComparison, SegmentChampion
from analytics.events_promotion import PROMOTION_EVENTS
from analytics.events_side_by_side import SIDE_BY_SIDE_EVENTS

ALL_EVENTS: tuple[type[Event], ...] = (
    *EVENTS, *ACCOUNT_EVENTS, *PROMOTION_EVENTS, *DRIFT_EVENTS, *ERASURE_EVENTS, *SIDE_BY_SIDE_EVENTS,
    ArmComparison, SegmentChampion, Evaluation,
)  # fmt: skip
_TYPES: Mapping[type, str] = {bool: "BOOLEAN", int: "BIGINT", float: "DOUBLE", str: "VARCHAR"}


# mypy holds a dataclass type for unhashable where a cached function takes it.
@cache
def column_types(event: type[Event]) -> dict[str, str]:
    """The SQL type of each field of `event`, in order."""
    hints = get_type_hints(event)
    return {field.name: _sql_type(hints[field.name]) for field in fields(event)}


@cache
def insert_sql(event: type[Event], extra: tuple[str, ...] = ()) -> str:
    """An INSERT that takes one list per field, one per `extra` (text) column, then the lists of `seq` and of `at`."""
    types_of = {**column_types(event), **dict.fromkeys(extra, "VARCHAR")}  # type: ignore[arg-type]
    # JSON travels as text: a list of JSON parameters would be parsed twice.
    unnested = [f"unnest(?::{'VARCHAR' if kind == 'JSON' else kind}[])" for kind in types_of.values()]
    names = ", ".join(f'"{name}"' for name in (*types_of, "seq", "at"))
    stamps = "unnest(?::BIGINT[]), unnest(?::TIMESTAMP[])"
    return f"INSERT INTO {event.table} ({names}) SELECT {', '.join(unnested)}, {stamps}"


@cache
def insert_one_sql(event: type[Event], extra: tuple[str, ...] = ()) -> str:
    """As `insert_sql`, for the plain values of one row: DuckDB plans that in two thirds of the time."""
    names = [*column_types(event), *extra, "seq", "at"]  # type: ignore[arg-type]
    columns = ", ".join(f'"{name}"' for name in names)
    return f"INSERT INTO {event.table} ({columns}) VALUES ({', '.join('?' * len(names))})"


def values(event: Event) -> tuple[Any, ...]:
    """The fields of `event` as parameters. Raises TypeError or ValueError for what is not JSON."""
    kinds = column_types(type(event))  # type: ignore[arg-type]
    return tuple(_value(getattr(event, name), kind) for name, kind in kinds.items())


def canonical(value: object) -> str:
    """JSON with sorted keys and no spaces, the same for equal values. Raises TypeError or ValueError."""
    return json.dumps(_plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def whole(text: str) -> str:
    """The text as it can be stored: half of a surrogate pair is no character, and must not lose the rest."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def tables(*, private: bool = True) -> list[str]:
    """The names of the event tables, with or without those that hold what nobody else may have."""
    return [event.table for event in ALL_EVENTS if private or not event.private]


def _value(value: object, kind: str) -> object:
    if kind == "JSON":
        return _json(value)
    return whole(value) if isinstance(value, str) else value


def _json(value: object) -> str:
    try:
        # Much faster; it refuses what `canonical` mends, as lone surrogates, and what `_plain` makes of other types.
        return orjson.dumps(value).decode()
    except TypeError:
        return canonical(value)


def _plain(value: object) -> object:
    if isinstance(value, str):
        return whole(value)
    if isinstance(value, Mapping):
        return {whole(str(key)): _plain(part) for key, part in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return [_plain(part) for part in value]
    return value


def _sql_type(hint: object) -> str:
    if get_origin(hint) in (Union, types.UnionType):
        (hint,) = (part for part in get_args(hint) if part is not type(None))
    if isinstance(hint, type) and hint in _TYPES:
        return _TYPES[hint]
    return "VARCHAR" if all(isinstance(part, str) for part in get_args(hint)) else "JSON"
