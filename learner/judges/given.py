"""Pairs that a judge has labelled before, as a lap takes them: only of people who agree by now."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from learner.pair import Pair
from learner.pair_files import read_pairs

FOLDER, FILE, MANIFEST = "ai-feedback", "pairs.parquet", "manifest.json"


def given(home: Path, agreed: Iterable[str]) -> list[Pair]:
    """The pairs of every labelling under `home` that are of people in `agreed`, the latest verdict on a turn alone."""
    people = set(agreed)
    latest: dict[tuple[str, frozenset[str]], Pair] = {}
    for path in sorted((home / FOLDER).glob(f"*/{FILE}")):
        for pair in read_pairs(path):
            if pair.person in people:
                latest[pair.turn_id, frozenset((pair.chosen, pair.rejected))] = pair
    return list(latest.values())
