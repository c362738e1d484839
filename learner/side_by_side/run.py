"""Has two adapters answer the same prompts, for a lap, and writes down where they do not say the same."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import duckdb
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

from learner.active.rank import answered_again
from learner.progress import write_json
from learner.settings import LapSettings
from learner.side_by_side.comparison import FILE, Comparison

# One question of everybody before a second one of anybody: questions of one person go together.
_ASKED = """
    WITH agreed AS (
        SELECT person FROM '{0}/consent.parquet' GROUP BY person HAVING arg_max(given, seq)
    ), asked AS (
        SELECT turn.turn_id, turn.person, turn.messages::VARCHAR AS messages
        FROM '{0}/turn.parquet' AS turn JOIN '{0}/reply.parquet' AS reply USING (turn_id) JOIN agreed USING (person)
        WHERE turn.person_group = 'decide' AND turn.sibling_of IS NULL AND reply.finish_reason IN ('stop', 'length')
          AND json_extract(turn.parameters, '$.tools') IS NULL AND NOT contains(turn.messages::VARCHAR, '"role":"tool"')
          AND turn.conversation_id NOT IN (
              SELECT conversation_id FROM '{0}/conversation.parquet' WHERE action = 'delete'
          )
        QUALIFY row_number() OVER (PARTITION BY turn.messages::VARCHAR ORDER BY turn.seq) = 1
    )
    SELECT turn_id, person, messages FROM asked
    ORDER BY row_number() OVER (PARTITION BY person ORDER BY hash(turn_id || $seed)), hash(person || $seed) LIMIT $count
"""


@dataclass(frozen=True)
class Prompt:
    """What is asked; one out of a file has no turn, and its person is a name for the prompt itself."""

    turn_id: str | None
    person: str
    messages: Sequence[dict[str, str]]


def compare(
    folder: Path,
    model: str,
    comparison: Comparison,
    settings: LapSettings,
    seed: str,
    report: Callable[[int, int], None],
) -> tuple[int, int]:
    """Have both answer, and write what they said to the run's folder; returns (prompts, answered differently)."""
    asked = prompts(folder / "events", comparison, seed)
    tokenizer = AutoTokenizer.from_pretrained(model)
    messages = [one.messages for one in asked]
    said: list[list[str]] = []
    for number, adapter in enumerate((comparison.challenger_folder, comparison.champion_folder)):
        loaded: Any = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32).eval()
        if adapter is not None:
            loaded = PeftModel.from_pretrained(loaded, adapter).merge_and_unload()
        # Other draws for the other adapter: with the same ones two that are nearly alike would answer alike by luck.
        said.append(answered_again(loaded, tokenizer, messages, settings, seed=1 + number) if asked else [])
        report(number + 1, 2)
    items = [
        {"turn_id": one.turn_id, "person": one.person, "messages": one.messages, "challenger": ours, "champion": theirs}
        for one, ours, theirs in zip(asked, *said, strict=True)
        if ours.strip() != theirs.strip()
    ]
    told = {"challenger": comparison.challenger, "champion": comparison.champion, "prompts": len(asked)}
    write_json(folder / FILE, {**told, "items": items})
    return len(asked), len(items)


def prompts(events: Path, comparison: Comparison, seed: str) -> list[Prompt]:
    """What is asked: of people of the decide group who agreed, out of a snapshot, unless the comparison brings its own.

    Nobody of that group taught an adapter.
    """
    if comparison.prompts:
        given = [[dict(message) for message in one] for one in comparison.prompts[: comparison.count]]
        return [Prompt(None, f"prompt:{_name(messages)}", messages) for messages in given]
    sql = _ASKED.format(str(events).replace("'", "''"))
    with duckdb.connect() as connection:
        rows = connection.execute(sql, {"seed": seed, "count": comparison.count}).fetchall()
    return [Prompt(turn_id, person, json.loads(messages)) for turn_id, person, messages in rows]


def _name(messages: Sequence[dict[str, str]]) -> str:
    return sha256(json.dumps(messages, sort_keys=True).encode()).hexdigest()[:16]
