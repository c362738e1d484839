"""What an adapter was made from and what it had to show, read from the card in its folder: plain values, no people."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from learner.progress import read_json

_SIDES = {"learn": "pairs", "ratings": "ratings", "judge": "pairs", "judge_ratings": "ratings"}
_OF_DATASET = (
    "id",
    "dataset_sha256",
    "rules_sha256",
    "events_sha256",
    "seq",
    "instant",
    "created",
    "groups",
    "consent",
)
_OF_RESULT = ("recipe", "recipe_reason", "training", "augmented", "ai_pairs", "self_review_pairs")


def trained_by(run_folder: Path) -> dict[str, Any]:
    """How the lap in `run_folder` trained, for the card of its adapter: recipe, why, settings, what was measured."""
    result, job = read_json(run_folder / "result.json") or {}, read_json(run_folder / "run.json") or {}
    told = {name: result[name] for name in _OF_RESULT if name in result}
    return {**told, "model": job.get("model"), "settings": job.get("settings") or {}}


def dataset_of(card: Mapping[str, Any]) -> dict[str, Any] | None:
    """The dataset by its hashes and counts: sources and the number of people, none of them by name. None without one.

    `rows` has for each side how many rows there are, of which sources, from how many people, and the largest share that
    one person has.
    """
    manifest = card.get("manifest") or {}
    if "dataset_sha256" not in manifest:
        return None
    told = {name: manifest.get(name) for name in _OF_DATASET}
    return {
        **told,
        "people_left_out": len(manifest.get("without") or ()),
        "rows": {side: _side(manifest[side], what) for side, what in _SIDES.items() if side in manifest},
        "clean_pairs": (manifest.get("anchor") or {}).get("pairs", 0),
        "rows_with_placeholders": (manifest.get("placeholders") or {}).get("rows", 0),
    }


def recipe_of(card: Mapping[str, Any]) -> dict[str, Any]:
    """The recipe, why it was chosen, the settings of the lap and what training measured; empty values where unknown."""
    training = card.get("training") or {}
    return {
        "name": training.get("recipe"),
        "reason": training.get("recipe_reason"),
        "settings": training.get("settings") or {},
        "measured": training.get("training") or {},
        "augmented": training.get("augmented") or [],
    }


def _side(summary: Mapping[str, Any], what: str) -> dict[str, Any]:
    sources = {source: rows for source, rows in (summary.get("sources") or {}).items() if rows}
    people, largest = summary.get("people_in_all", 0), summary.get("largest_share", 0.0)
    return {"rows": summary.get(what, 0), "sources": sources, "people": people, "largest_share": largest}
