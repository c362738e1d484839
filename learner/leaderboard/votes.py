"""What was said of two answers side by side, by whom, and how the answers differ in style.

In-chat comparisons count of people outside the learn group alone: no vote both teaches an adapter and ranks it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from analytics import Store

Source = Literal["people", "reviewers", "judges"]
SOURCES: tuple[Source, ...] = get_args(Source)
FEATURES = ("length", "headers", "bold", "lists")  # of style
Floats = NDArray[np.float64]

# Differences of ln(1 + characters) and of ln(1 + how many headers, passages in bold, list items).
_STYLE = {
    "length": "len(trim({0}))",
    "headers": "len(regexp_extract_all({0}, '(?m)^#{{1,6}} '))",
    "bold": "len(regexp_extract_all({0}, '\\*\\*[^*\\n]+\\*\\*'))",
    "lists": "len(regexp_extract_all({0}, '(?m)^\\s*(?:[-*+]|\\d+[.)]) '))",
}
_FEATURES = ", ".join(
    f"ln(1 + {sql.format('answer_a')}) - ln(1 + {sql.format('answer_b')}) AS {name}" for name, sql in _STYLE.items()
)
_VOTES = f"""
    WITH compared AS (
        SELECT 'people' AS source, better.person AS cluster,
               coalesce(better.sibling_of, better.turn_id) AS question, better.adapter AS a,
               worse.adapter AS b, 1.0 AS outcome, won.completion AS answer_a, lost.completion AS answer_b, feedback.seq
        FROM feedback
        JOIN turn AS better ON better.turn_id = feedback.turn_id AND better.person = feedback.person
        JOIN turn AS worse ON worse.turn_id = feedback.preferred_over AND worse.person = feedback.person
        JOIN reply AS won ON won.turn_id = better.turn_id JOIN reply AS lost ON lost.turn_id = worse.turn_id
        WHERE feedback.source = 'user' AND better.person_group <> 'learn'
          AND better.turn_id NOT IN (SELECT turn_id FROM deleted_turns)
          AND (better.adapter <> 'base' OR better.weights_sha256 = $base)
          AND (worse.adapter <> 'base' OR worse.weights_sha256 = $base)
        QUALIFY row_number() OVER (
            PARTITION BY least(feedback.turn_id, feedback.preferred_over),
                         greatest(feedback.turn_id, feedback.preferred_over) ORDER BY feedback.seq DESC
        ) = 1
        UNION ALL
        SELECT if(source = 'judge', 'judges', 'reviewers'), if(source = 'judge', person, decider),
               item_id, challenger, champion,
               score, challenger_answer, champion_answer, seq
        FROM side_by_side_decisions
    )
    SELECT source, cluster, question, a, b, outcome, {_FEATURES} FROM compared
    WHERE a <> b AND list_contains($sources, source) AND list_contains($known, a) AND list_contains($known, b)
    ORDER BY seq
"""


@dataclass(frozen=True)
class Votes:
    """One row per vote: the adapters `a` and `b` by their place in `adapters`, `outcome` 1, 0.5 or 0 for a.

    `cluster` is whose votes go together: the person who voted, and for a judge the person who asked; `question` is what
    the two answers were to, which several reviewers judge. `style` of shape (votes, features) is how much more of each
    of `FEATURES` the answer of a had.
    """

    adapters: tuple[str, ...]
    source: NDArray[np.str_]
    cluster: NDArray[np.str_]
    question: NDArray[np.str_]
    a: NDArray[np.intp]
    b: NDArray[np.intp]
    outcome: Floats
    style: Floats

    def between(self, one: str, other: str) -> tuple[NDArray[np.bool_], Floats]:
        """Which votes are between two adapters, and 1 where `one` is a, else -1, for each of these."""
        if one not in self.adapters or other not in self.adapters:
            return np.zeros(len(self.a), dtype=bool), np.zeros(0)
        first, second = self.adapters.index(one), self.adapters.index(other)
        forward = (self.a == first) & (self.b == second)
        here = forward | ((self.a == second) & (self.b == first))
        return here, np.where(forward[here], 1.0, -1.0)


def votes(store: Store, adapters: Collection[str], base_sha256: str, sources: Collection[Source] = SOURCES) -> Votes:
    """The latest word on every pair of answers of `adapters`; the base is the model with these weights alone."""
    known = tuple(adapters)
    rows = store.rows(_VOTES, {"base": base_sha256, "sources": list(sources), "known": list(known)})
    place = {name: number for number, name in enumerate(known)}
    columns = {name: [row[name] for row in rows] for name in ("source", "cluster", "question", "outcome", *FEATURES)}
    return Votes(
        adapters=known,
        source=np.array(columns["source"], dtype=np.str_),
        cluster=np.array(columns["cluster"], dtype=np.str_),
        question=np.array(columns["question"], dtype=np.str_),
        a=np.array([place[row["a"]] for row in rows], dtype=np.intp),
        b=np.array([place[row["b"]] for row in rows], dtype=np.intp),
        outcome=np.array(columns["outcome"], dtype=np.float64),
        style=np.array([columns[name] for name in FEATURES], dtype=np.float64).T.reshape(len(rows), len(FEATURES)),
    )
