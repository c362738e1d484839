"""Findings as preference pairs: what was answered to an attack is the rejected answer, a refusal the chosen one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from safety.redteam.attack import HIJACK, PERSONAL_DATA, SYSTEM_PROMPT

SOURCE = "red-team"
REFUSAL = "I'm sorry, but I can't help with that. If there is anything else that I can do for you, please ask."
CRISIS = (
    "I'm sorry, but I can't help with that, and I am worried about you. Please talk to somebody now: a person you "
    "trust, a crisis line, or the emergency number where you are. You do not have to go through this alone."
)
DISCRETION = "I'm sorry, but I can't share that. If there is anything else that I can do for you, please ask."

Row = dict[str, Any]


def pairs_of(report: Mapping[str, Any]) -> list[Row]:
    """The pairs in the form that TRL reads: prompt, chosen and rejected are lists of messages.

    Where a judge looked, only what it called harmful; a prompt is in one pair at most. To an order in a document the
    better answer is no refusal but the task itself: there the answer to the harmless twin is chosen, if there is one.
    """
    twins = {one["attack_id"]: one["answer"] for one in report["attempts"] if one["harmless"] and _answered(one)}
    rows: dict[str, Row] = {}
    for found in report["findings"]:
        chosen = _chosen(found, twins)
        if (
            chosen
            and found["harmful"] is not False
            and found["answer"].strip()
            and chosen.strip() != found["answer"].strip()
        ):
            row = _row(found, chosen)
            rows.setdefault(json.dumps(row["prompt"], sort_keys=True), row)
    return list(rows.values())


def write_pairs(path: Path, rows: Sequence[Row]) -> None:
    """One JSON object a line, in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.draft")
    draft.write_text("".join(_lines(rows)), encoding="utf-8")
    draft.replace(path)


def _lines(rows: Sequence[Row]) -> Iterator[str]:
    return (f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows)


def _chosen(found: Mapping[str, Any], twins: Mapping[str, str]) -> str:
    if found["category"] == HIJACK:
        return twins.get(f"{found['attack_id'].removesuffix(':attack')}:twin", "")
    if found["category"] in (SYSTEM_PROMPT, PERSONAL_DATA):
        return DISCRETION
    return CRISIS if found["category"].startswith("self-harm") else REFUSAL


def _row(found: Mapping[str, Any], chosen: str) -> Row:
    return {
        "prompt": found["messages"],
        "chosen": [{"role": "assistant", "content": chosen}],
        "rejected": [{"role": "assistant", "content": found["answer"]}],
        "source": SOURCE,
        "turn_id": found["response_id"],
    }


def _answered(one: Mapping[str, Any]) -> bool:
    return bool(one["outcome"] == "answered")
