"""What a judge may be asked: two answers to a message of somebody who agreed, on which nobody has said anything."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from analytics.pairs import agreed_sql
from learner.judges.judge import Case
from learner.pair import Pair
from learner.people import SHARES, person_group
from learner.trust import read_record

Messages = tuple[dict[str, str], ...]
SampleTwo = Callable[[Sequence[Messages]], Sequence[tuple[str, str]]]


@dataclass(frozen=True)
class Candidate:
    """`turn_id` is the first answer's turn, or that of the message that was answered anew."""

    turn_id: str
    person: str
    case: Case


# Of the events that a snapshot has. What was called with tools is no prompt that is trained on; see pairs.sql.
_ANSWERS = """
WITH agreed AS (
{agreed}
),
deleted AS (SELECT DISTINCT conversation_id, person FROM {conversation} WHERE action = 'delete'),
said AS (
    SELECT turn_id FROM {feedback}
    UNION ALL SELECT preferred_over FROM {feedback} WHERE preferred_over IS NOT NULL
    UNION ALL SELECT turn_id FROM {review} WHERE action = 'decide'
    UNION ALL SELECT turn_id FROM {flag}
)
SELECT turn.turn_id, turn.person, turn.messages::VARCHAR, reply.completion, coalesce(turn.sibling_of, turn.turn_id),
       turn.turn_id IN (SELECT turn_id FROM said)
FROM {turn} AS turn JOIN {reply} AS reply USING (turn_id) JOIN agreed USING (turn_id)
ANTI JOIN deleted ON deleted.conversation_id = turn.conversation_id AND deleted.person = turn.person
WHERE reply.finish_reason = 'stop' AND regexp_matches(reply.completion, '\\S')
  AND json_extract(turn.parameters, '$.tools') IS NULL AND NOT contains(turn.messages::VARCHAR, '"role":"tool"')
ORDER BY turn.seq
"""


def unrated_siblings(events: Path, groups: tuple[int, int, int] = SHARES) -> list[Candidate]:
    """Pairs of answers to one message, both of them without any feedback, of consenting people of the learn group.

    `events` is a snapshot of the store. Nobody who is held in quarantine is among them, and of a message that was
    answered often each answer is used once.
    """
    waiting: dict[tuple[str, str, str], tuple[str, str]] = {}
    found: list[Candidate] = []
    for turn_id, person, prompt, completion, root, rated in _answers(events, groups):
        if rated:
            continue
        key = (person, prompt, root)
        if key not in waiting:
            waiting[key] = (turn_id, completion)
            continue
        first_turn, first = waiting.pop(key)
        if first.strip() != completion.strip():
            found.append(Candidate(first_turn, person, Case(tuple(json.loads(prompt)), first, completion)))
    return found


def logged_prompts(events: Path, groups: tuple[int, int, int] = SHARES) -> list[tuple[str, str, Messages]]:
    """(turn, person, prompt) of consenting people of the learn group, each prompt of a person once, oldest first."""
    seen: dict[tuple[str, str], tuple[str, str, Messages]] = {}
    for turn_id, person, prompt, *_ in _answers(events, groups):
        seen.setdefault((person, prompt), (turn_id, person, tuple(json.loads(prompt))))
    return list(seen.values())


def teachable_turns(events: Path, groups: tuple[int, int, int] = SHARES) -> dict[str, str]:
    """The person of each turn that may teach: of people of the learn group who agree and are not held, not deleted."""
    return {turn_id: person for turn_id, person, *_ in _answers(events, groups)}


def resampled(
    prompts: Sequence[tuple[str, str, Messages]], sample_two: SampleTwo, *, most: int, seed: int = 0
) -> list[Candidate]:
    """Two fresh answers of the model to up to `most` of the prompts; those that came out the same are left out."""
    asked = list(prompts) if len(prompts) <= most else random.Random(seed).sample(list(prompts), most)
    answers = sample_two([prompt for *_, prompt in asked])
    return [
        Candidate(turn_id, person, Case(prompt, first, second))
        for (turn_id, person, prompt), (first, second) in zip(asked, answers, strict=True)
        if first.strip() and second.strip() and first.strip() != second.strip()
    ]


def of_pairs(pairs: Sequence[Pair]) -> list[tuple[str, str, Messages]]:
    """(turn, person, prompt) of the pairs of a dataset, each prompt once: they passed consent and trust already."""
    seen: dict[str, tuple[str, str, Messages]] = {}
    for pair in pairs:
        seen.setdefault(json.dumps(pair.prompt, sort_keys=True), (pair.turn_id, pair.person, pair.prompt))
    return list(seen.values())


def _answers(events: Path, groups: tuple[int, int, int]) -> list[tuple[str, str, str, str, str, bool]]:

    def place(table: str) -> str:
        return "'{}'".format(str(events / f"{table}.parquet").replace("'", "''"))

    sql = _ANSWERS.replace("{agreed}", agreed_sql(place))
    for table in ("conversation", "feedback", "review", "flag", "turn", "reply"):
        sql = sql.replace(f"{{{table}}}", place(table))
    held = read_record(events)
    with duckdb.connect() as connection:
        rows = connection.execute(sql).fetchall()
    return [
        row
        for row in rows
        if person_group(row[1], groups) == "learn" and row[1] not in held.held_people and row[0] not in held.held_turns
    ]
