"""Where an adapter fails: what people, reviewers, side-by-sides and self-review held against its answers, by topic."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from analytics import Store
from learner.dataset.topics import topics
from learner.trust.texts import prompt_text
from safety.interval import wilson

MOST_ANSWERS = 10_000  # the newest, among which topics are found
EXAMPLES = 3  # of each topic
KINDS = ("thumb down", "correction", "found wrong", "lost side by side", "both bad", "self-review")

_ANSWERS = """
    WITH decided AS (
        SELECT turn_id, arg_max(correction, seq) AS correction, arg_max_null(answer_right, seq) AS answer_right,
               arg_max(note, seq) AS note
        FROM review WHERE action = 'decide' GROUP BY turn_id
    ), worse AS (
        SELECT turn.turn_id AS id, 'thumb down' AS kind, coalesce(said.why, '') AS why
        FROM votes JOIN turn USING (turn_id)
        LEFT JOIN (
            SELECT turn_id, person, arg_max(concat_ws(': ', nullif(array_to_string(reasons::VARCHAR[], ', '), ''),
                                                      comment), seq) AS why
            FROM feedback WHERE comment IS NOT NULL OR json_array_length(reasons) > 0 GROUP BY turn_id, person
        ) AS said ON said.turn_id = turn.turn_id AND said.person = turn.person
        WHERE votes.vote < 0
        UNION ALL SELECT turn_id, 'correction', correction FROM decided WHERE correction IS NOT NULL
        UNION ALL
        SELECT turn_id, 'found wrong', coalesce(note, '') FROM decided WHERE correction IS NULL AND NOT answer_right
        UNION ALL SELECT turn_id, 'self-review', reason FROM flag WHERE "by" = 'self-review'
    )
    SELECT turn.turn_id AS id, turn.messages, reply.completion AS answer, list(worse.kind) AS kinds,
           list(worse.why) AS reasons
    FROM turn JOIN reply USING (turn_id) LEFT JOIN worse ON worse.id = turn.turn_id
    WHERE turn.adapter = $adapter AND turn.turn_id NOT IN (SELECT turn_id FROM deleted_turns)
      AND reply.finish_reason IN ('stop', 'length')
    GROUP BY turn.turn_id, turn.messages, reply.completion, turn.seq ORDER BY turn.seq DESC LIMIT $most
"""
_COMPARED = """
    SELECT item.item_id AS id, item.messages,
           if((item.challenger_is = 'a') = (item.challenger = $adapter), item.answer_a, item.answer_b) AS answer,
           [if(avg(if(item.challenger = $adapter, said.score, 1 - said.score)) < 0.5, 'lost side by side', NULL),
            if(avg((said.choice = 'both-bad')::INT) >= 0.5, 'both bad', NULL)] AS kinds,
           []::VARCHAR[] AS reasons
    FROM side_by_sides AS item LEFT JOIN side_by_side_decisions AS said USING (item_id)
    WHERE item.challenger = $adapter OR item.champion = $adapter
    GROUP BY ALL ORDER BY max(item.seq) DESC LIMIT $most
"""


@dataclass(frozen=True)
class Failure:
    """An answer that something was held against: `kinds` of `KINDS`, and what was said, if anything."""

    question: str
    answer: str
    kinds: tuple[str, ...]
    reason: str


@dataclass(frozen=True)
class Topic:
    """A topic by the words that tell it, the share of its answers that failed with its 95% interval, and examples."""

    words: str
    answers: int
    failures: int
    rate: float
    lower: float
    upper: float
    kinds: dict[str, int]
    examples: tuple[Failure, ...]


def failing_topics(store: Store, adapter: str, *, seed: int = 0) -> list[Topic]:
    """The topics of what an adapter answered, those with the most failures first; none that never failed."""
    wanted = {"adapter": adapter, "most": MOST_ANSWERS}
    rows = [*store.rows(_ANSWERS, wanted), *store.rows(_COMPARED, wanted)]
    if not rows:
        return []
    answers = [_failure(row) for row in rows]
    numbers, names = topics([prompt_text(row["messages"]) for row in rows], seed)
    # Topics that the same words tell are one.
    inside: dict[str, list[Failure]] = {}
    for answer, number in zip(answers, numbers, strict=True):
        inside.setdefault(names[number], []).append(answer)
    found = [_topic(words, part) for words, part in inside.items() if any(answer.kinds for answer in part)]
    return sorted(found, key=lambda topic: (-topic.failures, topic.words))


def _failure(row: dict[str, Any]) -> Failure:
    said = {kind for kind in row["kinds"] if kind}
    kinds = tuple(kind for kind in KINDS if kind in said)
    reasons = dict.fromkeys(reason for reason in row["reasons"] if reason)
    return Failure(str(row["messages"][-1]["content"]), str(row["answer"]), kinds, "; ".join(reasons))


def _topic(words: str, inside: Sequence[Failure]) -> Topic:
    failed = [answer for answer in inside if answer.kinds]
    rate = wilson(len(failed), len(inside))
    assert rate.rate is not None and rate.low is not None and rate.high is not None
    # What says the most comes first: with a reason, and against which several things were held.
    told = sorted(failed, key=lambda one: (not one.reason, -len(one.kinds)))
    counts = Counter(kind for one in failed for kind in one.kinds)
    return Topic(
        words=words or "everything else",
        answers=len(inside),
        failures=len(failed),
        rate=rate.rate,
        lower=rate.low,
        upper=rate.high,
        kinds={kind: counts[kind] for kind in KINDS if counts[kind]},
        examples=tuple(told[:EXAMPLES]),
    )
