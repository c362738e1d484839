"""What every augmentation takes and gives: lessons in, more lessons out, and a report of what it made and what not."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import NamedTuple, TypeVar

from learner.lessons import Lessons, Rating
from learner.pair import Pair, Source
from learner.settings import LapSettings

Row = TypeVar("Row", Pair, Rating)
Prompt = Sequence[Mapping[str, str]]
NOT_AUGMENTED: frozenset[Source] = frozenset({"augmentation", "anchor", "red-team", "self-review"})


@dataclass(frozen=True)
class Added:
    """A step's line in the manifest: how many rows it `added` to `of`, and why it made none of the others."""

    step: str
    of: int
    added: int
    left: Mapping[str, int] = field(default_factory=dict)
    note: str = ""


class Augmented(NamedTuple):
    """The lessons with those of the step behind them, and its report."""

    lessons: Lessons
    report: Added


Step = Callable[[Lessons, LapSettings, int], Augmented]
Lines = Sequence[str]
Change = Callable[[str, random.Random], str | None]
"""What was asked, as somebody else may have asked it; None where it cannot be told otherwise."""


def asked_otherwise(
    step: str, lessons: Lessons, settings: LapSettings, seed: int, change: Change, check: Callable[[str, str], str]
) -> Augmented:
    """For each row one more, with its last question changed; what is an answer to it, and how good, stays.

    `check` is given the question before and after, and says why not, or nothing. A row has its own random numbers,
    drawn from `seed` and its content: without one person, the rows of all others are made as before.
    """
    said: dict[int, str | None] = {}
    for row in _rows(lessons):
        place, question = last_question(row.prompt)
        said[id(row)] = change(question, own_random(seed, step, row)) if place >= 0 else None
    return _rows_of(step, lessons, settings, said, check)


def asked_otherwise_together(
    step: str,
    lessons: Lessons,
    settings: LapSettings,
    change: Callable[[Lines], Lines],
    check: Callable[[str, str], str],
) -> Augmented:
    """The same where a model changes all questions at once, in their order; each distinct one is changed once."""
    rows = [row for row in _rows(lessons) if last_question(row.prompt)[0] >= 0]
    lines = list(dict.fromkeys(last_question(row.prompt)[1] for row in rows))
    changed = dict(zip(lines, change(lines), strict=True)) if lines else {}
    said: dict[int, str | None] = {id(row): changed[last_question(row.prompt)[1]] for row in rows}
    return _rows_of(step, lessons, settings, said, check)


def _rows(lessons: Lessons) -> list[Pair | Rating]:
    return [*origins(lessons.pairs), *origins(lessons.ratings)]


def _rows_of(
    step: str,
    lessons: Lessons,
    settings: LapSettings,
    said: Mapping[int, str | None],
    check: Callable[[str, str], str],
) -> Augmented:
    """The rows whose question was changed, by the id of their object, and passes the check."""
    left: Counter[str] = Counter()

    def changed(row: Pair | Rating) -> tuple[dict[str, str], ...] | None:
        place, question = last_question(row.prompt)
        text = said.get(id(row))
        why = "nothing to change" if not text or text == question else check(question, text)
        if not text or why:
            left[why] += 1
            return None
        return (*row.prompt[:place], {**row.prompt[place], "content": text}, *row.prompt[place + 1 :])

    pairs = [again(pair, settings, prompt=made) for pair in origins(lessons.pairs) if (made := changed(pair))]
    ratings = [again(one, settings, prompt=made) for one in origins(lessons.ratings) if (made := changed(one))]
    return with_added(step, lessons, pairs, ratings, left)


def with_added(
    step: str,
    lessons: Lessons,
    pairs: Sequence[Pair],
    ratings: Sequence[Rating] = (),
    left: Mapping[str, int] | None = None,
    note: str = "",
) -> Augmented:
    """The lessons and what was made of them."""
    more = Lessons([*lessons.pairs, *pairs], [*lessons.ratings, *ratings])
    return Augmented(more, Added(step, len(lessons), len(pairs) + len(ratings), dict(left or {}), note))


def origins(rows: Iterable[Row]) -> list[Row]:
    """The rows that may be augmented: not what was made from others, nor what is exact on purpose."""
    return [row for row in rows if row.source not in NOT_AUGMENTED]


def again(row: Row, settings: LapSettings, **changes: object) -> Row:
    """The row once more with `changes`. Its person and turn stay, so that erasure and caps reach it."""
    return replace(row, **{"source": "augmentation", "weight": row.weight * settings.augment_weight, **changes})  # type: ignore[arg-type]


def last_question(prompt: Prompt) -> tuple[int, str]:
    """The place of the last message of a person, and its text; -1 where there is none."""
    for place in reversed(range(len(prompt))):
        if prompt[place]["role"] == "user":
            return place, prompt[place]["content"]
    return -1, ""


def own_random(seed: int, step: str, row: Pair | Rating) -> random.Random:
    """Random numbers that follow from the seed, the step and the row alone."""
    said = (row.chosen, row.rejected) if isinstance(row, Pair) else (row.completion,)
    key = "\x1f".join((str(seed), step, row.person, row.turn_id, *said))
    return random.Random(sha256(key.encode()).digest())
