"""The curves of drift, for the page and for the picture of the command line: one series for each metric."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

ORDER = (
    "length", "distinct-1", "distinct-2", "distinct-3", "refusals", "up", "rating", "flags", "scripts", "topics",
)  # fmt: skip
TITLES: Mapping[str, str] = {
    "length": "length, tokens",
    "refusals": "refusals",
    "up": "thumbs up, of votes",
    "rating": "answers with a vote",
    "flags": "flagged turns",
    "scripts": "other scripts",
    "topics": "topics, bits from reference",
}
MOST_CATEGORIES = 5


@dataclass(frozen=True)
class Series:
    """One metric over the windows: when each was over, what it came to, and those in which it moved."""

    name: str
    title: str
    times: Sequence[datetime]
    values: Sequence[float]
    alarms: Sequence[int]  # places


def series(report: Mapping[str, Any]) -> list[Series]:
    """One for each metric that any window has; of the filters' categories the most frequent ones."""
    windows = report["windows"]
    seen: dict[str, float] = {}
    for window in windows:
        for name, value in window["figures"].items():
            seen[name] = seen.get(name, 0.0) + value
    categories = sorted((name for name in seen if name.startswith("flag:")), key=lambda name: -seen[name])
    return [one for name in (*ORDER, *categories[:MOST_CATEGORIES]) if (one := _series(name, windows)).values]


def boundaries(report: Mapping[str, Any]) -> list[tuple[datetime, str]]:
    """When each generation but the first began, and its champion."""
    found = [(_at(one["began"]), f"{one['number']}: {one['adapter']}") for one in report["generations"][1:]]
    first = _at(report["windows"][0]["began"]) if report["windows"] else None
    return [(at, told) for at, told in found if first is not None and at >= first]


def _series(name: str, windows: Sequence[Mapping[str, Any]]) -> Series:
    times: list[datetime] = []
    values: list[float] = []
    alarms: list[int] = []
    for window in windows:
        test = next((one for one in window["tests"] if one["metric"] == name), None)
        value = test["change"] if name == "topics" and test else window["figures"].get(name)
        if value is None and name.startswith("flag:"):
            value = 0.0  # nobody met it in that window
        if value is None:
            continue
        if test is not None and test["moved"]:
            alarms.append(len(values))
        times.append(_at(window["ended"]))
        values.append(float(value))
    return Series(name, TITLES.get(name, name.removeprefix("flag:")), times, values, alarms)


def _at(value: object) -> datetime:
    """A time as the API and the store tell it."""
    if isinstance(value, datetime):
        return value
    return (
        datetime.fromtimestamp(float(value), UTC)
        if isinstance(value, int | float)
        else datetime.fromisoformat(str(value))
    )
