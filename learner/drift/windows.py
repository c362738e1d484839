"""Generations, champion by champion, and the windows that each is cut into."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True)
class Generation:
    """A champion's time, half-open; `ended` is None for the present one. Generation 0 is the first champion's."""

    number: int
    adapter: str
    began: datetime
    ended: datetime | None


@dataclass(frozen=True)
class Window:
    """A stretch of a generation, half-open."""

    generation: Generation
    began: datetime
    ended: datetime


def generations(champions: Sequence[tuple[str, datetime]]) -> list[Generation]:
    """One for every time that another champion was put in, by promotion or by rollback."""
    ends = [at for _, at in champions[1:]] + [None]
    pairs = zip(champions, ends, strict=False)  # of none there is no end either
    return [Generation(number, adapter, at, end) for number, ((adapter, at), end) in enumerate(pairs)]


def windows(generation: Generation, length: timedelta, until: datetime) -> list[Window]:
    """The windows that were over by `until`, from the generation's beginning on; its last one is as long as is left."""
    end = until if generation.ended is None else min(generation.ended, until)
    found, began = [], generation.began
    while began + length <= end:
        found.append(Window(generation, began, began + length))
        began += length
    if generation.ended is not None and began < end == generation.ended:
        found.append(Window(generation, began, end))
    return found
