"""What an experiment is judged by: one number per person everywhere, and nobody in two cohorts."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from analytics.guarded import COLUMNS, JOINED, SCORES
from analytics.store import Store

Scores = NDArray[np.float64]
ARMS = ("champion", "challenger")
RECENT = timedelta(days=1)  # over which traffic is counted


class UserScores(NamedTuple):
    """One row per person with a vote: mean vote in [0, 1], and that of votes from before, NaN where there are none.

    `shares` are those of the challenger at which they came, NaN in a log without propensities.
    """

    scores: Scores
    before: Scores
    shares: Scores


class Met(NamedTuple):
    """A person of the split test, with the arm and the propensity of their first turn."""

    person: str
    arm: str
    propensity: float


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
            SELECT arm, person, avg(if(vote > 0, 1.0, 0.0)) AS mean,
                   round(if(arm = 'challenger', propensity, 1 - propensity), 9) AS share
            FROM experiment_votes WHERE experiment_id = $id GROUP BY ALL
        ), earlier AS (
            SELECT votes.person, avg(if(vote > 0, 1.0, 0.0)) AS mean
            FROM votes JOIN experiment_people AS people ON people.person = votes.person AND people.experiment_id = $id
            WHERE votes.seq < people.seq GROUP BY ALL
        )
        SELECT arm, mine.mean, share, earlier.mean AS before FROM mine LEFT JOIN earlier USING (person) ORDER BY person
        """,
        {"id": experiment_id},
    )
    return {
        arm: UserScores(*_columns([row for row in rows if row["arm"] == arm], "mean", "before", "share"))
        for arm in ARMS
    }


def segment_scores(store: Store, experiment_id: str) -> dict[str, dict[str, tuple[Scores, Scores]]]:
    """For each segment and arm the mean vote of each person in that segment, and the shares at which they came."""
    rows = store.rows(
        """
        SELECT segment, arm, avg(if(vote > 0, 1.0, 0.0)) AS mean,
               round(if(arm = 'challenger', propensity, 1 - propensity), 9) AS share
        FROM experiment_votes WHERE experiment_id = ? AND segment IS NOT NULL
        GROUP BY segment, arm, person, share ORDER BY segment, arm, person
        """,
        (experiment_id,),
    )
    found: dict[str, dict[str, tuple[Scores, Scores]]] = {}
    for segment in dict.fromkeys(row["segment"] for row in rows):
        of = [row for row in rows if row["segment"] == segment]
        arms = {arm: [row for row in of if row["arm"] == arm] for arm in ARMS}
        found[segment] = {arm: (c[0], c[1]) for arm, few in arms.items() for c in [_columns(few, "mean", "share")]}
    return found


def common_segments(store: Store, most: int, since: datetime) -> list[str]:
    """The segments of at least a twentieth of the decide group's people since then, the most common first."""
    rows = store.rows(
        """
        WITH recent AS (SELECT * FROM turn WHERE person_group = 'decide' AND "at" > $since)
        SELECT segment FROM recent WHERE segment IS NOT NULL GROUP BY segment
        HAVING count(DISTINCT person) * 20 >= (SELECT count(DISTINCT person) FROM recent)
        ORDER BY count(DISTINCT person) DESC, segment LIMIT $most
        """,
        {"since": since, "most": most},
    )
    return [row["segment"] for row in rows]


def met(store: Store, experiment_id: str) -> list[Met]:
    """Who has met the experiment, but for the cohort that compares."""
    rows = store.rows(
        "SELECT person, arm, propensity FROM experiment_people WHERE experiment_id = ? AND NOT compared "
        "AND propensity IS NOT NULL ORDER BY seq",
        (experiment_id,),
    )
    return [Met(row["person"], row["arm"], row["propensity"]) for row in rows]


def logged(store: Store, experiment_id: str) -> list[dict[str, Any]]:
    """What a preview looks at, for each person of the split test with a vote: score, arm, propensity and segment."""
    return store.rows(
        """
        SELECT arm, avg(if(vote > 0, 1.0, 0.0)) AS score, any_value(propensity) AS propensity, mode(segment) AS segment
        FROM experiment_votes WHERE experiment_id = ? AND propensity IS NOT NULL GROUP BY arm, person ORDER BY person
        """,
        (experiment_id,),
    )


def plan(store: Store, experiment_id: str) -> dict[str, Any]:
    """What was fixed when the experiment began; empty for one from before that was kept."""
    rows = store.rows(
        "SELECT detail FROM experiment WHERE experiment_id = ? AND state = 'running' ORDER BY seq LIMIT 1",
        (experiment_id,),
    )
    return dict(rows[0]["detail"].get("plan", {})) if rows else {}


def comparers(store: Store, experiment_id: str) -> dict[str, int]:
    """How many comparisons of both arms were shown, and what came of them: shown, left, right, tie, both_bad."""
    rows = store.rows(
        """
        SELECT choice, count(*) AS n FROM (
            SELECT arg_max(choice, seq) AS choice FROM arm_comparison WHERE experiment_id = ?
            GROUP BY first_turn, second_turn
        ) WHERE choice <> 'skipped' GROUP BY choice
        """,
        (experiment_id,),
    )
    return {row["choice"]: row["n"] for row in rows}


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


def guarded_scores(store: Store, experiment_id: str, refusal: str) -> dict[str, tuple[Scores, ...]]:
    """What guardrails look at (`analytics.guarded`), for champion and challenger: one number per person of the split.

    After them come the challenger's shares at which those people came, for champion and challenger as well.
    """
    rows = store.rows(
        f"""
        SELECT people.arm, {SCORES},
               any_value(round(if(people.arm = 'challenger', people.propensity, 1 - people.propensity), 9)) AS share
        FROM turn JOIN experiment_people AS people USING (experiment_id, person, arm) {JOINED}
        WHERE turn.experiment_id = $id AND NOT people.compared
        GROUP BY people.arm, turn.person ORDER BY turn.person
        """,
        {"id": experiment_id, "refusal": refusal},
    )
    arms = [[row for row in rows if row["arm"] == arm] for arm in ARMS]
    found = {name: [_columns(of, column, "share") for of in arms] for name, column in COLUMNS.items()}
    return {name: _known(*both) for name, both in found.items()}


def _known(champion: list[Scores], challenger: list[Scores]) -> tuple[Scores, ...]:
    """Scores of both arms, then their shares, without people who have no score."""
    one, two = ([column[~np.isnan(arm[0])] for column in arm] for arm in (champion, challenger))
    return one[0], two[0], one[1], two[1]


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
