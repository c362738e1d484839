"""The answers that changed most between two adapters that were asked the same."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import SequenceMatcher

from analytics import Store

MOST = 20
MOST_PAIRS = 2000  # the newest
MOST_WORDS = 400  # of each answer that are compared: the time grows with their square

_PAIRS = """
    SELECT messages, if((challenger_is = 'a') = (challenger = $challenger), answer_a, answer_b) AS ours,
           if((challenger_is = 'a') = (challenger = $challenger), answer_b, answer_a) AS theirs, seq,
           avg(if(challenger = $challenger, score, 1 - score)) AS score
    FROM side_by_sides LEFT JOIN (
        SELECT item_id, score FROM side_by_side_decisions WHERE source = 'reviewer'
    ) AS said USING (item_id)
    WHERE (challenger = $challenger AND champion = $champion) OR (challenger = $champion AND champion = $challenger)
    GROUP BY ALL
    UNION ALL
    SELECT mine.messages, ours.completion, theirs.completion, mine.seq, NULL
    FROM turn AS mine
    JOIN turn AS other ON other.person = mine.person AND other.messages = mine.messages
         AND coalesce(other.sibling_of, other.turn_id) = coalesce(mine.sibling_of, mine.turn_id)
    JOIN reply AS ours ON ours.turn_id = mine.turn_id JOIN reply AS theirs ON theirs.turn_id = other.turn_id
    WHERE mine.adapter = $challenger AND other.adapter = $champion
      AND mine.turn_id NOT IN (SELECT turn_id FROM deleted_turns)
      AND ours.finish_reason IN ('stop', 'length') AND theirs.finish_reason IN ('stop', 'length')
    ORDER BY seq DESC LIMIT $most
"""


@dataclass(frozen=True)
class Changed:
    """What both said to one question. `changed` in [0, 1] is one minus the share of words that they have in common.

    That is Ratcliff and Obershelp's similarity over words. `score` is the mean of what reviewers said, 1 for the
    challenger's, None where nobody said anything.
    """

    question: str
    champion: str
    challenger: str
    changed: float
    score: float | None


def most_changed(store: Store, challenger: str, champion: str, most: int = MOST) -> list[Changed]:
    """The `most` answers with the least in common, of side-by-sides and of answers to one message in the chat."""
    rows = store.rows(_PAIRS, {"challenger": challenger, "champion": champion, "most": MOST_PAIRS})
    found = {
        (question, row["theirs"], row["ours"]): Changed(
            question, row["theirs"], row["ours"], round(1 - _alike(row["theirs"], row["ours"]), 4), row["score"]
        )
        for row in rows
        if (question := str(row["messages"][-1]["content"]))
    }
    return sorted(found.values(), key=lambda one: -one.changed)[:most]


def _alike(one: str, other: str) -> float:
    words = one.split()[:MOST_WORDS], other.split()[:MOST_WORDS]
    return SequenceMatcher(None, *words, autojunk=False).ratio()
