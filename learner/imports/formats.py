"""Which formats are known, and which of them a record is in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal, get_args

from learner.imports.argilla import argilla, is_argilla
from learner.imports.made import Left, Made
from learner.imports.open_webui import is_open_webui, open_webui
from learner.imports.trl import is_demonstration, is_kto, is_preference, kto, trl

Format = Literal["trl", "kto", "argilla", "open-webui"]
FORMATS: tuple[Format, ...] = get_args(Format)


def guessed(record: Mapping[str, Any]) -> Format | None:
    """The format of a record; None for one that is in none of them."""
    if is_open_webui(record):
        return "open-webui"
    if is_kto(record):
        return "kto"
    # An own field named `chosen` may also be in a record of Argilla, whose questions then say which is better.
    if is_argilla(record):
        return "argilla"
    return "trl" if is_preference(record) or is_demonstration(record) else None


def examples(record: Mapping[str, Any], format: Format, *, scale: int, suggestions: bool) -> Iterator[Made | Left]:
    """What becomes of a record. Raises Unfit."""
    match format:
        case "trl":
            yield from trl(record)
        case "kto":
            yield from kto(record)
        case "argilla":
            yield from argilla(record, scale=scale, suggestions=suggestions)
        case "open-webui":
            yield from open_webui(record)
