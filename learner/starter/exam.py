"""Questions to ask a model: as the corpus words them, and in the exams, whose wordings the corpus never uses."""

from __future__ import annotations

import random
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from learner.starter.answers import render
from learner.starter.corpus import Message, ask, follow_up_wordings, known_kinds, pick_intent, pick_style, wordings
from learner.starter.noise import fill, load_slots
from learner.starter.order import Order, random_order, system_message
from learner.starter.world import FOLDER, TALK, load_world

EXAMS = FOLDER / "exams"
FOLLOW_UP_SHARE = 0.2

Exam = Literal["families", "riddles"]


@dataclass(frozen=True)
class Question:
    """A conversation that ends with a question about `intent`; `order` is what its system message states."""

    messages: tuple[Message, ...]
    intent: str
    order: Order | None = None


def questions(seed: int, count: int) -> list[Question]:
    """What customers ask, as the corpus words it, one in five a follow-up."""
    rng = random.Random(f"questions {seed}")
    return [_seen_follow_up(rng) if rng.random() < FOLLOW_UP_SHARE else _seen(rng) for _ in range(count)]


def held_out_questions(seed: int, count: int) -> list[Question]:
    """Questions in families of wording that the corpus never uses, every intent as often, one in five a follow-up."""
    rng = random.Random(f"held out {seed}")
    return [_unseen_follow_up(rng) if rng.random() < FOLLOW_UP_SHARE else _unseen(rng) for _ in range(count)]


def written(exam: Exam) -> list[Question]:
    """Every question of an exam once. `families` are frames that the corpus never uses, `riddles` are far-fetched."""
    rng = random.Random(exam)
    return [_single(rng, intent, text) for intent, texts in exam_wordings(exam).items() for text in texts]


def follow_ups(seed: int, count: int) -> list[Question]:
    """Second turns that need the first, half of them in wordings that the corpus never uses."""
    rng = random.Random(f"follow-ups {seed}")
    return [_unseen_follow_up(rng) if number % 2 else _seen_follow_up(rng) for number in range(count)]


def handwritten() -> list[Question]:
    """The questions that were written by somebody who had not seen the corpus."""
    return [_by_hand(entry) for entry in _load("handwritten")["question"]]


def stated_questions(seed: int, ways: int) -> dict[str, list[list[Message]]]:
    """By intent, those that are about a fact of the shop: `ways` conversations that ask for it as the corpus does."""
    rng = random.Random(f"stated {seed}")
    return {
        intent: [[{"role": "user", "content": fill(text, rng)}] for text in rng.sample(texts, ways)]
        for intent, texts in wordings().items()
        if intent not in TALK
    }


def doubted_questions(seed: int, count: int, doubts: Sequence[str]) -> list[Question]:
    """Conversations in which a customer asks, is answered rightly, and says one of `doubts`."""
    rng = random.Random(f"doubted {seed}")
    about = [intent for intent in wordings() if intent not in TALK]
    made = []
    for _ in range(count):
        intent = rng.choice(about)
        first, answer = fill(rng.choice(wordings()[intent]), rng), render(intent, pick_style(rng), rng)
        turns = (("user", first), ("assistant", answer), ("user", rng.choice(doubts)))
        made.append(Question(tuple({"role": role, "content": text} for role, text in turns), f"{intent}.really"))
    return made


@cache
def exam_wordings(exam: Exam) -> Mapping[str, tuple[str, ...]]:
    """The wordings of an exam for every intent that it asks."""
    return {intent: tuple(texts) for intent, texts in _load(exam)["intents"].items()}


@cache
def exam_follow_ups() -> Mapping[str, tuple[str, ...]]:
    """The second turns of the exam, by what they ask for."""
    return {kind: tuple(texts) for kind, texts in _load("follow_ups").items()}


def markers() -> Mapping[str, str]:
    """The phrase by which each family of the exam `families` is known; no wording of the corpus has one of them."""
    found: Mapping[str, str] = _load("families")["families"]
    return found


@cache
def _load(exam: str) -> Mapping[str, Any]:
    return tomllib.loads((EXAMS / f"{exam}.toml").read_text(encoding="utf-8"))


def _seen(rng: random.Random) -> Question:
    intent = pick_intent(rng)
    order = _order(intent, rng)
    return _question(ask(intent, rng, order), intent, order, rng)


def _unseen(rng: random.Random) -> Question:
    intent = rng.choice(list(exam_wordings("families")))
    return _single(rng, intent, rng.choice(exam_wordings("families")[intent]))


def _single(rng: random.Random, intent: str, wording: str) -> Question:
    order = _order(intent, rng)
    return _question(fill(wording, rng, order.number if order else None), intent, order, rng)


def _order(intent: str, rng: random.Random) -> Order | None:
    known = intent == "order_status" and rng.random() < 0.5
    return random_order(rng, tuple(load_slots()["name"])) if known else None


def _question(text: str, intent: str, order: Order | None, rng: random.Random) -> Question:
    system = [{"role": "system", "content": system_message(order, rng)}] if order else []
    return Question((*system, {"role": "user", "content": text}), intent, order)


def _seen_follow_up(rng: random.Random) -> Question:
    intent = rng.choice(list(load_world().intents))
    return _second(rng, intent, ask(intent, rng, None), follow_up_wordings())


def _unseen_follow_up(rng: random.Random) -> Question:
    intent = rng.choice(list(exam_wordings("families")))
    first = fill(rng.choice(exam_wordings("families")[intent]), rng)
    return _second(rng, intent, first, exam_follow_ups())


def _second(rng: random.Random, intent: str, first: str, wordings: Mapping[str, tuple[str, ...]]) -> Question:
    kind = rng.choice(known_kinds(intent))
    answer, second = render(intent, pick_style(rng), rng), rng.choice(wordings[kind])
    turns = (("user", first), ("assistant", answer), ("user", second))
    return Question(tuple({"role": role, "content": text} for role, text in turns), f"{intent}.{kind}")


def _by_hand(entry: Mapping[str, Any]) -> Question:
    system = [{"role": "system", "content": str(entry["system"])}] if "system" in entry else []
    order = Order(**entry["order"]) if "order" in entry else None
    messages = (*system, *entry.get("history", []), {"role": "user", "content": str(entry["text"])})
    return Question(messages, str(entry["intent"]), order)
