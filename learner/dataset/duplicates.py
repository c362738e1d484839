"""What teaches the same as another row: the same said twice by one person, or anywhere in what was imported."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence

from learner.pair import Pair
from learner.settings import LapSettings
from learner.trust import Outcome, Record, Row
from learner.trust.step import sift
from learner.trust.texts import clusters, plain, prompt_text


def without_duplicates(rows: Sequence[Row], record: Record, settings: LapSettings) -> Outcome:
    """Keep the newest of the rows whose question and answers are near-duplicates.

    Two people who like the same answer are two voices, so of what people said only one person's repetitions are taken.
    What was imported or made has no voice: there the whole is looked through, over both sides of the firewall, since a
    model must not be judged by what it has learned by heart.
    """
    if settings.duplicate_similarity <= 0:
        return Outcome(rows)
    texts = [_text(row) for row in rows]
    numbers = clusters(texts, settings.duplicate_similarity)
    voice = [row.lesson.person if row.own or row.lesson.source == "correction" else "" for row in rows]
    keys = [(who, number, _sense(row)) for who, number, row in zip(voice, numbers, rows, strict=True)]
    newest = {key: id(row) for key, row in zip(keys, rows, strict=True)}
    kept = set(newest.values())
    found = sift(rows, lambda row: None if id(row) in kept else "near-duplicate of a newer row")
    sizes = [size for size in Counter(keys).values() if size > 1]
    note = f"{len(sizes)} clusters, the largest of {max(sizes)} rows" if sizes else ""
    return Outcome(found.kept, found.taken, note=note)


def _text(row: Row) -> str:
    lesson = row.lesson
    earlier = json.dumps(lesson.prompt[:-1]) if len(lesson.prompt) > 1 else ""
    return plain(" ".join([earlier, prompt_text(lesson.prompt), *(text for text, _ in row.texts)]))


def _sense(row: Row) -> str:
    """What it says of the text: near-duplicates that say the opposite are a disagreement."""
    if isinstance(row.lesson, Pair):
        return f"pair {row.lesson.chosen < row.lesson.rejected}"
    return "good" if row.lesson.good else "bad"
