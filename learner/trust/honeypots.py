"""Comparisons with a known answer: whoever fails them far more often than they would by chance is not judging."""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from learner.errors import BadFile
from learner.pair import Pair
from learner.settings import LapSettings
from learner.trust.chance import holm, p_value
from learner.trust.record import Record
from learner.trust.step import Hold, Outcome, Row, hold_people, sift
from learner.trust.texts import plain

_Known = Mapping[tuple[str, ...], str]  # the right answer, by the question and both answers
ATTENTIVE = 0.75  # the share that somebody gets right who reads, at the least


@dataclass(frozen=True)
class Honeypot:
    """A question with an answer that is right and one that is wrong."""

    prompt: tuple[dict[str, str], ...]
    right: str
    wrong: str


def hold_failed(rows: Sequence[Row], record: Record, settings: LapSettings) -> Outcome:
    """Hold whoever fails them; and train on none, for what is known is no news."""
    known = _by_texts(read_honeypots(settings.honeypots))
    passed: Counter[str] = Counter()
    met: Counter[str] = Counter()
    for row in rows:
        if (right := _right(row, known)) is not None and record.fresh(row.lesson.person, row.seq):
            met[row.lesson.person] += 1
            passed[row.lesson.person] += right
    failed = holm({who: p_value(passed[who], met[who], ATTENTIVE, "less") for who in met}, settings.trust_alpha)
    holds = [
        Hold("honeypots", f"{met[who] - passed[who]} of {met[who]} comparisons with a known answer were wrong", (who,))
        for who in sorted(failed)
    ]
    own = sift(rows, lambda row: None if _right(row, known) is None else "the answer was known")
    held = hold_people(own.kept, holds)
    return Outcome(held.kept, [*own.taken, *held.taken], held.holds, f"{len(known)} known answers")


def read_honeypots(path: str) -> list[Honeypot]:
    """The operator's file, one JSON object a line with prompt, right and wrong. Raises BadFile."""
    return [Honeypot(prompt, *texts) for prompt, *texts in read_lines(path, ("right", "wrong"))] if path else []


def starter_honeypots(seed: int, count: int) -> list[Honeypot]:
    """For the starter, from its world: a right answer, and the same with another number in the place of each."""
    from learner.starter import STYLES, questions, render

    rng = random.Random(f"honeypots {seed}")
    made: list[Honeypot] = []
    for question in questions(seed, 20 * count):
        right = render(question.intent, rng.choice(STYLES), rng, question.order)
        wrong = falsified(right, rng)
        if wrong != right and len(made) < count:
            made.append(Honeypot(question.messages, right, wrong))
    return made


def falsified(answer: str, rng: random.Random) -> str:
    """The answer with every number replaced; as it was where it has none."""
    numbers: dict[str, str] = {}

    def other(match: re.Match[str]) -> str:
        digits = match[0]
        return numbers.setdefault(digits, str(int(digits) + rng.choice((3, 11, 25, 60))))

    return re.sub(r"(?<![\w.])\d{1,4}\b(?!\. )", other, answer)


def read_lines(path: str, names: Sequence[str]) -> list[tuple[Any, ...]]:
    """(messages, text, text) of each line of a JSONL file; a prompt may be one text. Raises BadFile."""
    try:
        lines = Path(path).expanduser().read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadFile(f"{path} cannot be read: {error}.") from None
    return [_line(path, number, line, names) for number, line in enumerate(lines, 1) if line.strip()]


def _line(path: str, number: int, line: str, names: Sequence[str]) -> tuple[Any, ...]:
    try:
        value: Mapping[str, Any] = json.loads(line)
        prompt = value["prompt"]
        messages = [{"role": "user", "content": prompt}] if isinstance(prompt, str) else list(prompt)
        made = tuple({"role": str(part["role"]), "content": str(part["content"])} for part in messages)
        texts = [value[name] for name in names]
    except (ValueError, KeyError, TypeError) as error:
        raise BadFile(
            f"{path}, line {number}: it must be an object with prompt, {' and '.join(names)} ({error!r})."
        ) from None
    if not made or not all(isinstance(text, str) and text.strip() for text in texts):
        raise BadFile(f"{path}, line {number}: prompt, {' and '.join(names)} must not be empty.")
    return (made, *texts)


def _by_texts(pots: Sequence[Honeypot]) -> _Known:
    return {_place(pot.prompt, pot.right, pot.wrong): plain(pot.right) for pot in pots}


def _place(prompt: Sequence[Mapping[str, str]], one: str, other: str) -> tuple[str, ...]:
    return (plain(str(prompt[-1]["content"])), *sorted((plain(one), plain(other))))


def _right(row: Row, known: _Known) -> bool | None:
    pair = row.lesson
    if not row.own or not isinstance(pair, Pair) or pair.source == "rewrite" or not known:
        return None
    found = known.get(_place(pair.prompt, pair.chosen, pair.rejected))
    return None if found is None else plain(pair.chosen) == found
