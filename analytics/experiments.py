"""What an experiment is judged by: one number per person everywhere, and nobody in two cohorts."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from analytics.store import Store

Scores = NDArray[np.float64]
ARMS = ("champion", "challenger")
RECENT = timedelta(days=1)  # over which traffic is counted


class UserScores(NamedTuple):
    """One row per person with a vote: mean vote in [0, 1], and that of votes from before, NaN where there are none."""

    scores: Scores
    before: Scores


class Coming(NamedTuple):
    """People with a vote in an experiment, their votes, and people of late per day who came with their first."""

    people: int
    votes: int
    people_per_day: float


def user_scores(store: Store, experiment_id: str) -> dict[str, UserScores]:
    """Each arm's mean vote per person of the split test, with thumbs down as 0 and thumbs up as 1."""
    rows = store.rows(
        """
        WITH mine AS (
            SELECT arm, person, avg(if(vote > 0, 1.0, 0.0)) AS mean FROM experiment_votes WHERE experiment_id = $id
            GROUP BY ALL
        ), earlier AS (
            SELECT votes.person, avg(if(vote > 0, 1.0, 0.0)) AS mean
            FROM votes JOIN experiment_people AS people ON people.person = votes.person AND people.experiment_id = $id
            WHERE votes.seq < people.seq GROUP BY ALL
        )
        SELECT arm, mine.mean, earlier.mean AS before FROM mine LEFT JOIN earlier USING (person) ORDER BY person
        """,
        {"id": experiment_id},
    )
    return {arm: UserScores(*_columns([row for row in rows if row["arm"] == arm], "mean", "before")) for arm in ARMS}


def comparison_scores(store: Store, experiment_id: str) -> Scores:
    """For each person of the cohort that compares, (wins - losses) / comparisons of the challenger, in [-1, 1]."""
    rows = store.rows(
        "SELECT avg(score) AS mean FROM experiment_comparisons WHERE experiment_id = ? GROUP BY person ORDER BY person",
        (experiment_id,),
    )
    (scores,) = _columns(rows, "mean")
    return scores


def splits(store: Store, experiment_id: str) -> list[tuple[tuple[int, int], float]]:
    """People of the split test (champion, challenger), for each share of the challenger that was in force then."""
    rows = store.rows(
        """
        SELECT round(if(arm = 'challenger', propensity, 1 - propensity), 9) AS share,
               count(*) FILTER (arm = 'champion') AS champion, count(*) FILTER (arm = 'challenger') AS challenger
        FROM experiment_people WHERE experiment_id = ? AND NOT compared AND propensity IS NOT NULL GROUP BY 1 ORDER BY 1
        """,
        (experiment_id,),
    )
    return [((row["champion"], row["challenger"]), row["share"]) for row in rows]


def guarded_scores(store: Store, experiment_id: str, refusal: str) -> dict[str, tuple[Scores, Scores]]:
    """What guardrails look at, for champion and challenger: one number per person of the split test.

    Shares of their answers for flags, refusals (`refusal` is a regular expression) and the rating rate; mean logarithms
    of milliseconds and tokens for latency and length, of those whose answers have them.
    """
    rows = store.rows(
        """
        SELECT people.arm, avg(if(flagged.turn_id IS NULL, 0.0, 1.0)) AS flags,
               avg(if(reply.finish_reason = 'content_filter'
                      OR regexp_matches(left(reply.completion, 300), $refusal), 1.0, 0.0)) AS refusals,
               avg(if(votes.turn_id IS NULL, 0.0, 1.0)) AS rating,
               avg(ln(1 + reply.duration_ms)) AS latency, avg(ln(1 + reply.completion_tokens)) AS length
        FROM turn JOIN experiment_people AS people USING (experiment_id, person, arm)
        JOIN reply USING (turn_id)
        LEFT JOIN (SELECT DISTINCT turn_id FROM flag WHERE "by" = 'filter') AS flagged USING (turn_id)
        LEFT JOIN votes USING (turn_id)
        WHERE turn.experiment_id = $id AND NOT people.compared
        GROUP BY people.arm, turn.person ORDER BY turn.person
        """,
        {"id": experiment_id, "refusal": refusal},
    )
    arms = [[row for row in rows if row["arm"] == arm] for arm in ARMS]
    names = {
        "flags": "flags",
        "refusals": "refusals",
        "rating rate": "rating",
        "latency": "latency",
        "length": "length",
    }
    found = {name: tuple(_columns(of, column)[0] for of in arms) for name, column in names.items()}
    return {name: (a[~np.isnan(a)], b[~np.isnan(b)]) for name, (a, b) in found.items()}


def coming(store: Store, experiment_id: str, now: datetime) -> Coming:
    """The traffic of the split test. `now` is in UTC, without a zone; minutes are counted as an hour."""
    (row,) = store.rows(
        """
        WITH people AS (
            SELECT person, count(*) AS votes, min("at") AS first FROM experiment_votes WHERE experiment_id = $id
            GROUP BY person
        ), began AS (SELECT min("at") AS "at" FROM experiment_people WHERE experiment_id = $id)
        SELECT count(*) AS people, coalesce(sum(votes), 0)::BIGINT AS votes, any_value(began."at") AS began,
               count(*) FILTER (first > $since) AS recent FROM people, began
        """,
        {"id": experiment_id, "since": now - RECENT},
    )
    if not row["people"]:
        return Coming(0, 0, 0.0)
    seconds = min((now - row["began"].replace(tzinfo=None)).total_seconds(), RECENT.total_seconds())
    return Coming(row["people"], row["votes"], row["recent"] * 86_400 / max(3600.0, seconds))


def outcomes(store: Store) -> list[tuple[str, str]]:
    """Every experiment with its latest state, in the order in which they began."""
    rows = store.rows("SELECT experiment_id, arg_max(state, seq) AS state FROM experiment GROUP BY 1 ORDER BY min(seq)")
    return [(row["experiment_id"], row["state"]) for row in rows]


def _columns(rows: list[dict[str, Any]], *names: str) -> list[Scores]:
    return [np.array([np.nan if row[name] is None else row[name] for row in rows], dtype=np.float64) for name in names]
