"""What the monitor of drift reads: one number per person of a stretch of time, and a first question and answer of each.

Only answers of the champion count: those of a challenger are an experiment's business.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analytics.store import Row, Store

Scores = NDArray[np.float64]
# Scripts that are not Latin, as RE2 names them; emojis and signs are of none.
_OTHER_SCRIPTS = (
    r"[\p{Greek}\p{Cyrillic}\p{Arabic}\p{Hebrew}\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}\p{Devanagari}\p{Thai}]"
)
METRICS = ("length", "refusals", "rating", "up", "flags", "scripts")
GRACE_SECONDS = 3600  # after an answer, in which a vote counts, so that older stretches had no more time for theirs
MOST_TEXTS = 500  # people of whom texts are read, drawn by a hash of the person
LONGEST = 2000  # characters
_ANSWERED = """
    SELECT turn.turn_id, turn.person, turn.seq, turn."at", turn.messages->>'$[#-1].content' AS prompt, reply.completion,
           reply.completion_tokens, reply.finish_reason
    FROM turn JOIN reply USING (turn_id)
    WHERE turn.arm = 'champion' AND turn."at" >= $since AND turn."at" < $until
      AND reply.finish_reason NOT IN ('cancelled', 'error')
"""


class People(NamedTuple):
    """The people of a stretch of time, by name, and for each metric one number each, NaN where there is none."""

    names: list[str]
    answers: int
    scores: Mapping[str, Scores]


class Texts(NamedTuple):
    """The first question and answer of each of some people."""

    names: list[str]
    prompts: list[str]
    answers: list[str]


def champions(store: Store, base: str, base_sha256: str) -> list[tuple[str, datetime]]:
    """Which adapter was the champion from when on, of the model that is served, from the first turn on."""
    moves = store.rows(
        'SELECT champion, "at" FROM routing WHERE base IS NULL OR (base = ? AND base_sha256 = ?) ORDER BY seq',
        (base, base_sha256),
    )
    (first,) = store.rows("""SELECT min("at") AS "at", arg_min(adapter, seq) AS champion FROM turn""")
    begun = [first] if first["at"] is not None and (not moves or first["at"] < moves[0]["at"]) else []
    kept: list[tuple[str, datetime]] = []
    for row in (*begun, *moves):
        if not kept or kept[-1][0] != row["champion"]:
            kept.append((str(row["champion"]), row["at"]))
    return kept


def people(store: Store, since: datetime, until: datetime, refusal: str) -> People:
    """Per person: mean ln(1 + tokens); shares of refusals, answers with a vote, flags, other scripts, thumbs up.

    `refusal` is a regular expression. For each category of the filters there is a share as well, `flag:CATEGORY`.
    """
    given = {"since": since, "until": until}
    rows = store.rows(
        f"""
        WITH answered AS ({_ANSWERED}), flagged AS (SELECT DISTINCT turn_id FROM flag WHERE "by" = 'filter')
        SELECT answered.person, count(*) AS answers,
               avg(ln(1 + coalesce(completion_tokens, length(completion) / 4))) AS length,
               avg(if(finish_reason = 'content_filter' OR regexp_matches(left(completion, 300), $refusal), 1.0, 0.0))
                   AS refusals,
               avg(if(votes.vote IS NULL, 0.0, 1.0)) AS rating,
               avg(if(votes.vote > 0, 1.0, 0.0)) FILTER (votes.vote IS NOT NULL) AS up,
               avg(if(flagged.turn_id IS NULL, 0.0, 1.0)) AS flags,
               avg(if(regexp_matches(left(prompt, 300), $scripts), 1.0, 0.0)) AS scripts
        FROM answered LEFT JOIN flagged ON flagged.turn_id = answered.turn_id
        LEFT JOIN votes ON votes.turn_id = answered.turn_id AND votes."at" <= answered."at" + to_seconds($grace)
        GROUP BY answered.person ORDER BY answered.person
        """,
        {**given, "refusal": refusal, "scripts": _OTHER_SCRIPTS, "grace": GRACE_SECONDS},
    )
    names = [str(row["person"]) for row in rows]
    counts = np.array([row["answers"] for row in rows], dtype=np.float64)
    scores = {metric: _column(rows, metric) for metric in METRICS}
    return People(names, int(counts.sum()), {**scores, **_categories(store, names, counts, given)})


def texts(store: Store, since: datetime, until: datetime) -> Texts:
    """The first question and answer of up to `MOST_TEXTS` people, in an order that says nothing of time."""
    rows = store.rows(
        f"""
        SELECT person, left(arg_min(prompt, seq), {LONGEST}) AS prompt,
               left(arg_min(completion, seq), {LONGEST}) AS completion
        FROM ({_ANSWERED}) GROUP BY person ORDER BY md5(person) LIMIT {MOST_TEXTS}
        """,
        {"since": since, "until": until},
    )
    return Texts(*([str(row[name] or "") for row in rows] for name in ("person", "prompt", "completion")))


def known_windows(store: Store) -> set[tuple[int, float]]:
    """Generation and beginning of every window that was looked at."""
    return {(row["generation"], row["began"]) for row in store.rows("SELECT generation, began FROM drift_window")}


def latest_windows(store: Store, most: int) -> list[Row]:
    """The newest row of each of the newest `most` windows, in the order of time."""
    newest = "QUALIFY row_number() OVER (PARTITION BY generation, began ORDER BY seq DESC) = 1"
    last = f"SELECT * FROM drift_window {newest} ORDER BY generation DESC, began DESC LIMIT ?"
    return store.rows(f"SELECT * FROM ({last}) ORDER BY generation, began", (most,))


def latest_alarms(store: Store) -> list[Row]:
    """The newest row of every alarm, the one that was raised last first."""
    return store.rows(
        """
        SELECT * EXCLUDE (raised, "at"), raised AS "at" FROM (
            SELECT *, min("at") OVER (PARTITION BY alarm_id) AS raised FROM drift_alarm
            QUALIFY row_number() OVER (PARTITION BY alarm_id ORDER BY seq DESC) = 1
        ) ORDER BY "at" DESC, began DESC
        """
    )


def _categories(store: Store, names: list[str], answers: Scores, given: Mapping[str, datetime]) -> dict[str, Scores]:
    rows = store.rows(
        f"""
        SELECT flag.category, answered.person, count(DISTINCT flag.turn_id) AS turns
        FROM ({_ANSWERED}) AS answered JOIN flag ON flag.turn_id = answered.turn_id
        WHERE flag."by" = 'filter' AND flag.category IS NOT NULL GROUP BY ALL ORDER BY ALL
        """,
        given,
    )
    place = {name: number for number, name in enumerate(names)}
    found: dict[str, Scores] = {}
    for row in rows:
        shares = found.setdefault(f"flag:{row['category']}", np.zeros(len(names)))
        shares[place[row["person"]]] = row["turns"] / answers[place[row["person"]]]
    return found


def _column(rows: list[Row], name: str) -> Scores:
    return np.array([np.nan if row[name] is None else row[name] for row in rows], dtype=np.float64)
