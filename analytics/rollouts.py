"""What is known of two arms outside of experiments: of a winner on its way to everybody, and of a holdback.

Each person counts with the arm that they met first in the time that is looked at.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analytics.guarded import COLUMNS, JOINED, SCORES
from analytics.store import Store

Scores = NDArray[np.float64]
DECIDE, NO_PUPILS = ("decide",), ("decide", "holdout")


class Served(NamedTuple):
    """An arm by the name in its turns, and the adapter behind it."""

    arm: str
    adapter: str


class Pair(NamedTuple):
    """What is compared with what: arrays of shape (people,), one score per person."""

    old: Scores
    new: Scores


# Turns of an experiment after it was won count as well: a winner that waits for an approval is still served in it.
_MINE = """
    mine AS (
        SELECT turn_id, person, person_group, arm, seq FROM turn
        WHERE seq > $since AND ((experiment_id IS NULL AND propensity IS NOT NULL) OR experiment_id = $also)
          AND ((arm = $old_arm AND adapter = $old_adapter) OR (arm = $new_arm AND adapter = $new_adapter))
    ), people AS (SELECT person, arg_min(arm, seq) AS arm FROM mine GROUP BY person)
"""


def won_at(store: Store, experiment_id: str) -> int:
    """The `seq` of the event with which the experiment was won; -1 where it was not."""
    sql = "SELECT coalesce(max(seq), -1) AS seq FROM experiment WHERE experiment_id = ? AND state = 'won'"
    return int(store.rows(sql, (experiment_id,))[0]["seq"])


def tried(store: Store, champion: str) -> int:
    """How many candidates were in an experiment against a champion."""
    sql = "SELECT count(DISTINCT experiment_id) AS tried FROM experiment WHERE champion = ?"
    return int(store.rows(sql, (champion,))[0]["tried"])


def fresh_votes(
    store: Store,
    old: Served,
    new: Served,
    *,
    since: int,
    groups: tuple[str, ...],
    known: str | None = None,
    also: str | None = None,
) -> Pair:
    """Mean votes in [0, 1] per person of the `groups`, of turns and votes after the event `since`.

    Whoever met the experiment `known` before that is left out, for their votes have chosen the winner. `also` is an
    experiment whose later turns count too.
    """
    rows = store.rows(
        f"""
        WITH {_MINE}
        SELECT people.arm, avg(if(votes.vote > 0, 1.0, 0.0)) AS mean
        FROM mine JOIN people USING (person, arm) JOIN votes USING (turn_id)
        WHERE votes.seq > $since AND list_contains($groups, mine.person_group)
          AND mine.person NOT IN (SELECT person FROM turn WHERE experiment_id = $known AND seq <= $since)
        GROUP BY people.arm, mine.person ORDER BY mine.person
        """,
        {**_named(old, new, since, also), "groups": list(groups), "known": known},
    )
    return _pair(rows, "mean", old, new)


def guarded(
    store: Store, old: Served, new: Served, *, since: int, refusal: str, also: str | None = None
) -> dict[str, Pair]:
    """What guardrails look at (`analytics.guarded`), one number per person of any group."""
    rows = store.rows(
        f"""
        WITH {_MINE}
        SELECT people.arm, {SCORES} FROM mine JOIN people USING (person, arm) {JOINED}
        GROUP BY people.arm, mine.person ORDER BY mine.person
        """,
        {**_named(old, new, since, also), "refusal": refusal},
    )
    return {name: _pair(rows, column, old, new) for name, column in COLUMNS.items()}


def _named(old: Served, new: Served, since: int, also: str | None) -> dict[str, object]:
    return {
        "since": since,
        "also": also,
        "old_arm": old.arm,
        "old_adapter": old.adapter,
        "new_arm": new.arm,
        "new_adapter": new.adapter,
    }


def _pair(rows: list[dict[str, object]], column: str, old: Served, new: Served) -> Pair:
    arms = ([row[column] for row in rows if row["arm"] == one.arm and row[column] is not None] for one in (old, new))
    return Pair(*(np.array(values, dtype=np.float64) for values in arms))
