"""What steps know besides the pairs: who said what when, what reviewers decided, who is held. From a snapshot."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import duckdb

Messages = tuple[dict[str, Any], ...]


class Judged(NamedTuple):
    """Somebody judged an answer: `seq` is the place among all events, `vote` None where it was no thumb."""

    turn_id: str
    person: str
    at: datetime
    seq: int
    vote: int | None


class Answered(NamedTuple):
    """A question that somebody asked, and the model's own answer."""

    person: str
    prompt: Messages
    answer: str


@dataclass(frozen=True, eq=False)  # so that what is made of it can be kept beside it
class Record:
    """Everything up to `now`, in order. `released` has the place of the release of each person and turn."""

    now: datetime
    first_seen: Mapping[str, datetime] = field(default_factory=dict)
    judged: Sequence[Judged] = ()
    answered: Sequence[Answered] = ()
    reviewed: Sequence[Judged] = ()  # by reviewers: whether an answer was right
    allowed: Mapping[str, int] = field(default_factory=dict)  # by turn: a reviewer found no fault with what was flagged
    unsafe: Mapping[str, str] = field(default_factory=dict)  # by turn: what is wrong with its answer
    held_people: Mapping[str, str] = field(default_factory=dict)  # why
    held_turns: Mapping[str, str] = field(default_factory=dict)
    released: Mapping[str, int] = field(default_factory=dict)
    released_groups: Mapping[str, str] = field(default_factory=dict)  # the group that somebody was held with

    def fresh(self, person: str, seq: int) -> bool:
        """Whether this came after what a reviewer released the person from, so that it counts as evidence."""
        return seq > self.released.get(person, -1)


def read_record(events: Path, now: datetime | None = None) -> Record:
    """Read a snapshot of the store. At `now` accounts have their age: at its last event unless it is given."""
    with duckdb.connect() as connection:
        read = _Reader(connection, events)
        rights = _reviews(read)
        return Record(
            now=now or last_event(events)[1],
            first_seen={person: at.replace(tzinfo=UTC) for person, at in read(_FIRST_SEEN)},
            judged=[
                Judged(turn, person, at.replace(tzinfo=UTC), seq, vote) for turn, person, at, seq, vote in read(_JUDGED)
            ],
            answered=[Answered(person, tuple(json.loads(prompt)), text) for person, prompt, text in read(_ANSWERED)],
            reviewed=rights[0],
            allowed=rights[1],
            unsafe=_unsafe(read),
            **_quarantine(read),
        )


def last_event(events: Path) -> tuple[int, datetime]:
    """The place and the time of the last event of a snapshot; -1 and 1970 where there is none."""
    files = [str(path).replace("'", "''") for path in sorted(events.glob("*.parquet"))]
    each = " UNION ALL ".join(f"""SELECT max(seq) AS seq, max("at") AS "at" FROM '{file}'""" for file in files)
    with duckdb.connect() as connection:
        found = connection.execute(f'SELECT max(seq), max("at") FROM ({each})').fetchall() if files else []
    if not found or found[0][0] is None:
        return -1, datetime.fromtimestamp(0, UTC)
    seq, at = found[0]
    return int(seq), at.replace(tzinfo=UTC)


_FIRST_SEEN = 'SELECT person, min("at") FROM {turn} GROUP BY 1'
_JUDGED = """
    SELECT turn_id, person, "at", seq, vote FROM {feedback}
    WHERE source = 'user' AND (coalesce(vote, 0) <> 0 OR rewrite IS NOT NULL OR preferred_over IS NOT NULL)
    ORDER BY seq
"""
_ANSWERED = """
    SELECT turn.person, turn.messages::VARCHAR, reply.completion
    FROM {turn} AS turn JOIN {reply} AS reply USING (turn_id)
    WHERE reply.finish_reason IN ('stop', 'length') ORDER BY turn.seq
"""
_REVIEWS = """
    SELECT turn_id, reviewer, "at", seq, answer_right, filter_right FROM {review} WHERE action = 'decide' ORDER BY seq
"""


_STOPPED = """
    SELECT turn_id, 'a filter stopped the answer' FROM {reply} WHERE finish_reason = 'content_filter'
"""
# A flag of an answer stands confirmed where the reviewer's last decision says that the filter was right.
_CONFIRMED = """
    SELECT turn_id, 'a reviewer found the answer unsafe: ' || coalesce(any_value(what), 'it was flagged')
    FROM (
        SELECT turn_id, coalesce(true_category, category) AS what FROM (
            SELECT *, arg_max(decision_id, seq) OVER (PARTITION BY turn_id) AS newest FROM {judgement}
        ) WHERE decision_id = newest AND judged IN ('right', 'other', 'missed') AND place = 'answer'
        UNION ALL
        SELECT flag.turn_id, flag.category FROM {flag} AS flag JOIN (
            SELECT turn_id, arg_max(filter_right, seq) AS filter_right FROM {review}
            WHERE action = 'decide' AND filter_right IS NOT NULL GROUP BY turn_id
        ) AS decided USING (turn_id)
        WHERE filter_right AND "by" = 'filter' AND coalesce(place, 'answer') = 'answer'
    ) GROUP BY turn_id
"""


class _Reader:
    def __init__(self, connection: duckdb.DuckDBPyConnection, events: Path) -> None:
        self._connection, self._events = connection, events

    def __call__(self, sql: str) -> list[tuple[Any, ...]]:
        for table in ("turn", "reply", "feedback", "review", "quarantine", "flag", "judgement"):
            path = str(self._events / f"{table}.parquet").replace("'", "''")
            sql = sql.replace(f"{{{table}}}", f"'{path}'")
        return self._connection.execute(sql).fetchall()

    def has(self, table: str) -> bool:
        """A snapshot from before there was such a table has none."""
        return (self._events / f"{table}.parquet").exists()


def _reviews(read: _Reader) -> tuple[list[Judged], dict[str, int]]:
    rights: list[Judged] = []
    allowed: dict[str, int] = {}
    for turn_id, reviewer, at, seq, answer_right, filter_right in read(_REVIEWS):
        if answer_right is not None:
            rights.append(
                Judged(turn_id, f"reviewer:{reviewer}", at.replace(tzinfo=UTC), seq, 1 if answer_right else -1)
            )
        if filter_right is False:
            allowed[turn_id] = seq
        elif filter_right:
            allowed.pop(turn_id, None)
    return rights, allowed


def _unsafe(read: _Reader) -> dict[str, str]:
    """Of every answer that a filter stopped, or in which a reviewer confirmed what a filter found or missed, why."""
    found = dict(read(_STOPPED))
    if read.has("judgement"):
        found.update(read(_CONFIRMED))
    return found


def _quarantine(read: _Reader) -> dict[str, Any]:
    if not read.has("quarantine"):
        return {}
    held: defaultdict[str, dict[str, str]] = defaultdict(dict)
    released: dict[str, int] = {}
    groups: dict[str, str] = {}
    sql = "SELECT group_id, action, reason, people::VARCHAR, turns::VARCHAR, seq FROM {quarantine} ORDER BY seq"
    for group, action, reason, people, turns, seq in read(sql):
        for kind, names in (("person", json.loads(people)), ("turn", json.loads(turns))):
            for name in names:
                if action == "release":
                    held[kind].pop(name, None)
                    released[name], groups[name] = seq, group
                elif action == "hold":
                    held[kind][name] = reason
    return {
        "held_people": held["person"],
        "held_turns": held["turn"],
        "released": released,
        "released_groups": groups,
    }
