"""Questions to ask a model: as the corpus words them, in wordings it never uses, and those written by hand."""

from __future__ import annotations

import random
import tomllib
from collections.abc import Callable
from dataclasses import dataclass

from learner.starter.answers import render
from learner.starter.corpus import (
    Family,
    Message,
    ask,
    follow_up_wordings,
    known_kinds,
    pick_intent,
    pick_style,
    wordings,
)
from learner.starter.noise import fill, load_slots
from learner.starter.order import Order, random_order, system_message
from learner.starter.world import FOLDER, load_world

HANDWRITTEN = FOLDER / "handwritten.toml"


@dataclass(frozen=True)
class Question:
    """A conversation that ends with a question about `intent`; `order` is what its system message states."""

    messages: tuple[Message, ...]
    intent: str
    order: Order | None = None


def questions(seed: int, count: int) -> list[Question]:
    """What customers ask, as the corpus words it, one in five a follow-up."""
    rng = random.Random(f"questions {seed}")
    return [
        _follow_up(rng, "seen") if rng.random() < 0.2 else _single(rng, _asked, pick_intent(rng)) for _ in range(count)
    ]


def held_out_questions(seed: int, count: int) -> list[Question]:
    """Questions in families of wording that the corpus never uses, every intent as often, one in five a follow-up."""
    rng = random.Random(f"held out {seed}")
    return [_follow_up(rng, "unseen") if rng.random() < 0.2 else single_unseen(rng) for _ in range(count)]


def single_unseen(rng: random.Random) -> Question:
    """One question in an unseen family of wording."""
    return _single(rng, _unseen, rng.choice(list(load_world().intents)))


def follow_ups(seed: int, count: int) -> list[Question]:
    """Second turns that need the first; both families of wording."""
    rng = random.Random(f"follow-ups {seed}")
    return [_follow_up(rng, rng.choice(("seen", "unseen"))) for _ in range(count)]


def handwritten() -> list[Question]:
    """The questions that were written by somebody who had not seen the corpus."""
    table = tomllib.loads(HANDWRITTEN.read_text(encoding="utf-8"))
    return [_written(entry) for entry in table["question"]]


def _asked(intent: str, rng: random.Random, order: Order | None) -> str:
    return ask(intent, rng, order)


def _unseen(intent: str, rng: random.Random, order: Order | None) -> str:
    return fill(rng.choice(wordings("unseen")[intent]), rng, order.number if order else None)


def _single(rng: random.Random, word: Callable[[str, random.Random, Order | None], str], intent: str) -> Question:
    order = None
    messages: list[Message] = []
    if intent == "order_status" and rng.random() < 0.5:
        order = random_order(rng, tuple(load_slots()["name"]))
        messages.append({"role": "system", "content": system_message(order, rng)})
    messages.append({"role": "user", "content": word(intent, rng, order)})
    return Question(tuple(messages), intent, order)


def _follow_up(rng: random.Random, family: Family) -> Question:
    intent = rng.choice(list(load_world().intents))
    kind = rng.choice(known_kinds(intent))
    asked = _asked(intent, rng, None) if family == "seen" else _unseen(intent, rng, None)
    answer = render(intent, pick_style(rng), rng)
    second = rng.choice(follow_up_wordings(family)[kind])
    turns = (("user", asked), ("assistant", answer), ("user", second))
    return Question(tuple({"role": role, "content": text} for role, text in turns), f"{intent}.{kind}")


def _written(entry: dict[str, object]) -> Question:
    system = [{"role": "system", "content": str(entry["system"])}] if "system" in entry else []
    history = entry.get("history", [])
    order = Order(**entry["order"]) if "order" in entry else None  # type: ignore[arg-type]
    messages = (*system, *history, {"role": "user", "content": str(entry["text"])})  # type: ignore[misc]
    return Question(messages, str(entry["intent"]), order)
