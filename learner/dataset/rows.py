"""Everything that somebody said, or that was imported, as rows: from a snapshot of the store."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import duckdb

from analytics.pairs import examples_sql, pairs_sql, ratings_sql
from learner.lessons import Rating
from learner.pair import Pair
from learner.people import person_group
from learner.settings import LapSettings
from learner.trust import Row

# Questions of a survey whose answer is the better the higher it is, from one to five, or yes rather than no.
SURVEYS = ("helpful", "correct", "clear", "complete", "friendly", "safe", "satisfied", "solved", "quality", "rating")
PRAISE = ("good", "right", "correct", "helpful", "well said", "praise")  # labels of remarks

Prompt = tuple[dict[str, str], ...]


def all_rows(
    events: Path, without: frozenset[str], settings: LapSettings, groups: tuple[int, int, int]
) -> list[tuple[str, Row]]:
    """Each row with the group of its person when they were served, oldest first."""
    folder = str(events).replace("'", "''")

    def place(event: str) -> str:
        return f"'{folder}/{event}.parquet'"

    given: dict[str, object] = {"without": sorted(without)}
    rated = {**given, "surveys": list(SURVEYS), "praise": list(PRAISE), "implicit": settings.implicit_weight}
    found: list[tuple[str, Row]] = []
    with duckdb.connect() as connection:
        for turn_id, person, group, prompt, chosen, rejected, source, seq in _rows(connection, pairs_sql(place), given):
            found.append((group, Row(Pair(turn_id, person, _messages(prompt), chosen, rejected, source), seq)))
        for turn_id, person, group, prompt, text, good, source, weight, seq in _rows(
            connection, ratings_sql(place), rated
        ):
            rating = Rating(turn_id, person, _messages(prompt), text, good, source, weight)
            found.append((group, Row(rating, seq)))
        if (events / "example.parquet").exists():  # a snapshot from before there were any has none
            found += [
                (person_group(row.lesson.person, groups), row)
                for row in map(_example, _rows(connection, examples_sql(place), given))
            ]
    return sorted(found, key=lambda row: (row[1].seq, row[1].lesson.turn_id))


def _rows(connection: duckdb.DuckDBPyConnection, sql: str, given: Mapping[str, object]) -> list[tuple[Any, ...]]:
    return connection.execute(sql, given).fetchall()


def _example(row: tuple[Any, ...]) -> Row:
    example_id, person, prompt, kind, text, rejected, good, source, weight, seq = row
    turn_id = f"example-{example_id}"
    if kind == "pair":
        return Row(Pair(turn_id, person, _messages(prompt), text, rejected, source, weight), seq)
    return Row(Rating(turn_id, person, _messages(prompt), text, good, source, weight), seq)


@lru_cache(maxsize=4096)
def _messages(prompt: str) -> Prompt:
    return tuple(json.loads(prompt))
