"""The starter's corpus: an endless stream of conversations from the world, the wordings and the answers."""

from __future__ import annotations

import random
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from learner.starter.answers import render
from learner.starter.noise import fill, framed, load_slots, typed
from learner.starter.order import Order, random_order, system_message
from learner.starter.world import FOLDER, load_world

Message = dict[str, str]

FOLLOW_UPS, BEYOND, FORMS = "follow_ups", "beyond", "forms"
FORM_SHARE = 0.3  # of the questions that are a form of their intent put into a frame
BEYOND_SHARE = 0.5  # of the questions beyond the shop that are filled with words of any field
KINDS = ("cost", "time", "how", "where", "really")
# Sampling below temperature 1 favours what always begins alike, so the shares here are not those that are served.
STYLE_WEIGHTS: Mapping[str, float] = {"terse": 0.36, "warm": 0.26, "steps": 0.14, "verbose": 0.24}
# A style that says the same in fewer words teaches more questions in the same time.
SHORT_WEIGHTS: Mapping[str, float] = {"terse": 0.76, "warm": 0.09, "steps": 0.07, "verbose": 0.08}
WEIGHTS: Mapping[str, float] = {"order_status": 8.0, "out_of_scope": 14.0, "unknown_detail": 10.0, "harmful": 3.0}


@dataclass(frozen=True)
class Example:
    """A conversation whose assistant turns are all right; `intents` has one entry for each of them."""

    messages: tuple[Message, ...]
    intents: tuple[str, ...]


@cache
def wordings() -> Mapping[str, tuple[str, ...]]:
    """The wordings of every intent."""
    apart = {FOLLOW_UPS, BEYOND, FORMS}
    files = (path for path in sorted((FOLDER / "wordings").glob("*.toml")) if path.stem not in apart)
    tables = (tomllib.loads(path.read_text(encoding="utf-8")) for path in files)
    found = {name: tuple(texts) for table in tables for name, texts in table.items()}
    return {name: found[name] for name in load_world().intents}


@cache
def follow_up_wordings() -> Mapping[str, tuple[str, ...]]:
    """The wordings of every kind of follow-up."""
    return _table(FOLLOW_UPS)


@cache
def beyond_wordings() -> Mapping[str, tuple[str, ...]]:
    """Wordings of the intents beyond the shop whose slots hold words of every field of life."""
    return _table(BEYOND)


@cache
def forms() -> Mapping[str, Mapping[str, tuple[str, ...]]]:
    """What an intent is about, as a noun phrase (`about`), a clause (`claim`) and an infinitive (`do`)."""
    table = tomllib.loads((FOLDER / "wordings" / f"{FORMS}.toml").read_text(encoding="utf-8"))
    return {intent: {kind: tuple(texts) for kind, texts in kinds.items()} for intent, kinds in table.items()}


def corpus(seed: int, styles: Mapping[str, float] = STYLE_WEIGHTS, first: str | None = None) -> Iterator[Example]:
    """Conversations without end, always the same for the same seed; `styles` weighs the styles of the answers.

    With `first` all of them begin with this intent.
    """
    rng = random.Random(seed)
    while True:
        yield _example(rng, styles, first or pick_intent(rng))


def pick_intent(rng: random.Random) -> str:
    """An intent, those with the widest field more often."""
    names = list(wordings())
    return rng.choices(names, [WEIGHTS.get(name, 1.0) for name in names])[0]


def pick_style(rng: random.Random, styles: Mapping[str, float] = STYLE_WEIGHTS) -> str:
    """A style for one answer."""
    return rng.choices(list(styles), list(styles.values()))[0]


def ask(intent: str, rng: random.Random, order: Order | None) -> str:
    """A question about `intent` as somebody may type it."""
    text = _worded(intent, rng)
    if rng.random() < 0.12:
        text = f"{text.rstrip('?.!')}{rng.choice(['. ', ', ', ' - ', '? ', ' '])}{_worded(intent, rng)}"
    number = order.number if order is not None and rng.random() < 0.8 else None
    return typed(fill(text, rng, number), rng)


def known_kinds(intent: str) -> list[str]:
    """The kinds of follow-up to which the world has an answer after `intent`."""
    tables = load_world().follow_ups
    return [kind for kind in KINDS if kind == "really" or intent in tables[kind]]


def topics() -> list[str]:
    """Everything that an answer can be about: every intent, and every follow-up to one."""
    intents = list(load_world().intents)
    return [*intents, *(f"{intent}.{kind}" for intent in intents for kind in known_kinds(intent))]


def _worded(intent: str, rng: random.Random) -> str:
    if intent in forms() and rng.random() < FORM_SHARE:
        kind = rng.choice(list(forms()[intent]))
        return framed(rng.choice(forms()[intent][kind]), kind, rng)
    beyond = intent in beyond_wordings() and rng.random() < BEYOND_SHARE
    return rng.choice((beyond_wordings() if beyond else wordings())[intent])


def _table(name: str) -> Mapping[str, tuple[str, ...]]:
    table = tomllib.loads((FOLDER / "wordings" / f"{name}.toml").read_text(encoding="utf-8"))
    return {kind: tuple(texts) for kind, texts in table.items()}


def _example(rng: random.Random, styles: Mapping[str, float], intent: str) -> Example:
    order = _order(intent, rng)
    messages: list[Message] = []
    if order is not None:
        messages.append({"role": "system", "content": system_message(order, rng)})
    elif rng.random() < 0.06:
        messages.append({"role": "system", "content": fill(rng.choice(load_slots()["around"]["generic"]), rng)})
    intents: list[str] = []
    for turn in range(rng.choices((1, 2, 3, 4), (55, 30, 10, 5))[0]):
        if turn and rng.random() < 0.75:
            asked, told = _follow(intent, order, rng)
        else:
            intent = intent if turn == 0 else pick_intent(rng)
            asked, told = ask(intent, rng, order), intent
        answer = render(told, pick_style(rng, styles), rng, order)
        messages += [{"role": "user", "content": asked}, {"role": "assistant", "content": answer}]
        intents.append(told)
    return Example(tuple(messages), tuple(intents))


def _order(intent: str, rng: random.Random) -> Order | None:
    chance = 0.8 if intent == "order_status" else 0.08
    return random_order(rng, tuple(load_slots()["name"])) if rng.random() < chance else None


def _follow(intent: str, order: Order | None, rng: random.Random) -> tuple[str, str]:
    """A follow-up to `intent` and what it is about; where the world has no answer, that is `unknown_detail`."""
    if intent == "order_status" and order is not None:
        kind = "really"
    else:
        kind = rng.choice(known_kinds(intent)) if rng.random() < 0.85 else rng.choice(KINDS)
    text = typed(rng.choice(follow_up_wordings()[kind]), rng)
    if kind not in known_kinds(intent):
        return text, "unknown_detail"
    told = f"{intent}.{kind}"
    return text, intent if told == "order_status.really" and order is not None else told
