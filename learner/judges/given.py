"""Pairs that a judge has labelled before: kept under the home, and frozen into the folder of each run that begins."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from learner.judges.candidates import teachable_turns
from learner.lesson_files import read_lessons, write_lessons
from learner.pair import Pair

FOLDER, FILE, MANIFEST = "ai-feedback", "pairs.parquet", "manifest.json"
FROZEN = "ai-feedback.parquet"


def freeze(home: Path, run: Path) -> None:
    """Put all labels under `home` into the folder of a run, of two labels of the same answers the later one."""
    latest: dict[tuple[str, frozenset[str]], Pair] = {}
    for path in sorted((home / FOLDER).glob(f"*/{FILE}")):
        latest |= {(pair.turn_id, frozenset((pair.chosen, pair.rejected))): pair for pair in read_lessons(Pair, path)}
    if latest:
        write_lessons(Pair, list(latest.values()), run / FROZEN)


def frozen(
    run: Path, groups: tuple[int, int, int], without: Iterable[str] = (), human: Sequence[Pair] = ()
) -> list[Pair]:
    """The labels in a run that may teach, and the file keeps no others.

    Their people agree by now, are of the learn group and not held, and have not decided between the two answers
    themselves, as the pairs in `human` say.
    """
    if not (run / FROZEN).exists():
        return []
    turns, left = teachable_turns(run / "events", groups), frozenset(without)
    decided = {(pair.person, frozenset((pair.chosen, pair.rejected))) for pair in human}
    pairs = [
        pair
        for pair in read_lessons(Pair, run / FROZEN)
        if turns.get(pair.turn_id) == pair.person
        and pair.person not in left
        and (pair.person, frozenset((pair.chosen, pair.rejected))) not in decided
    ]
    write_lessons(Pair, pairs, run / FROZEN)
    return pairs
