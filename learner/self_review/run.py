"""Has a model read past answers again, for a lap: samples further answers, examines, and writes what was found."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import duckdb
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

from analytics.pairs import agreed_sql
from learner.active.rank import answered_again
from learner.pair import Pair
from learner.progress import write_json
from learner.self_review.examine import Finding, Past, examined
from learner.settings import LapSettings
from safety.facts import Index, read_facts

FILE = "self_review.json"
SAMPLES = 6  # further answers to each question
SURE = 0.5  # score from which a finding makes a pair
_PAST = """
    SELECT turn.turn_id, turn.person, turn.messages, reply.completion,
           turn.person_group = 'learn' AND turn.turn_id IN ({agreed}) AS may_teach
    FROM '{0}/turn.parquet' AS turn JOIN '{0}/reply.parquet' AS reply USING (turn_id)
    WHERE reply.finish_reason = 'stop' AND len(trim(reply.completion)) > 0 AND turn.sibling_of IS NULL
      AND turn.conversation_id NOT IN (
          SELECT conversation_id FROM '{0}/conversation.parquet' WHERE action IN ('delete', 'temporary'))
    ORDER BY hash(turn.turn_id) LIMIT {1}
"""


def self_review(
    folder: Path,
    model: str,
    champion: Path | None,
    settings: LapSettings,
    count: int,
    report: Callable[[int, int], None],
) -> tuple[list[Finding], list[Pair]]:
    """Read `count` past answers of the run's events again; returns the findings and the pairs that follow from them.

    A pair prefers what the samples agree on to an answer that has little in common with them, only of people who
    agreed to teach.
    """
    asked = past(folder / "events", count)
    if not asked:
        return [], []
    tokenizer = AutoTokenizer.from_pretrained(model)
    loaded: Any = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32).eval()
    if champion is not None:
        loaded = PeftModel.from_pretrained(loaded, str(champion)).merge_and_unload()
    samples: list[list[str]] = []
    for number in range(SAMPLES):
        samples.append(answered_again(loaded, tokenizer, [one.messages for one in asked], settings, seed=1 + number))
        report(number + 1, SAMPLES)
    again = [replace(one, samples=tuple(said)) for one, said in zip(asked, zip(*samples, strict=True), strict=True)]
    found = examined(again, facts_of(model))
    pairs = pairs_of(again, found)
    write_json(
        folder / FILE,
        {
            "answers": len(asked),
            "findings": [asdict(one) for one in found],
            "pairs": [asdict(pair) for pair in pairs],
        },
    )
    return found, pairs


def pairs_of(asked: Sequence[Past], found: Sequence[Finding]) -> list[Pair]:
    """The pairs that follow: what most samples say, preferred to an outlier, where the margin is clear."""
    by_turn = {one.turn_id: one for one in asked}
    facts = {one.turn_id for one in found if one.kind == "contradicts the facts"}
    made = []
    for one in found:
        past = by_turn[one.turn_id]
        if one.better and past.may_teach and one.score >= SURE and one.turn_id not in facts:
            prompt = tuple(past.messages)
            made.append(Pair(one.turn_id, past.person, prompt, one.better, past.answer, "self-review"))
    return made


def past(events: Path, count: int) -> list[Past]:
    """`count` answers of a snapshot, drawn by a hash of their ids; none of conversations that were deleted."""
    with duckdb.connect() as connection:
        folder = str(events).replace("'", "''")
        agreed = agreed_sql(lambda event: f"'{folder}/{event}.parquet'")
        rows = connection.execute(_PAST.format(folder, count, agreed=agreed)).fetchall()
    return [Past(row[0], row[1], json.loads(row[2]), row[3], (), row[4]) for row in rows]


def facts_of(model: str) -> Index | None:
    """The facts beside a model, as the starter has them; None where there are none."""
    path = Path(model) / "facts.toml"
    return Index(read_facts(path)) if path.is_file() else None
