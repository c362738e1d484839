"""Right answers, in four styles, composed from the hearts in answers/*.toml and the phrases around them."""

from __future__ import annotations

import random
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from learner.starter.order import Order, load_states
from learner.starter.styles import STYLES
from learner.starter.world import FOLDER

STATUS_STEPS = (
    ["Your order {number} {heart}.", "Watch your email for news.", "Ask me if you need more."],
    ["I looked up your order.", "Order {number} {heart}.", "Write again if anything is unclear."],
)


@cache
def hearts() -> Mapping[str, Any]:
    """The hearts of all answers, by what they answer."""
    apart = {"phrases.toml", "order_states.toml"}
    files = sorted(path for path in (FOLDER / "answers").glob("*.toml") if path.name not in apart)
    return {k: v for path in files for k, v in tomllib.loads(path.read_text(encoding="utf-8")).items()}


@cache
def _phrases() -> Mapping[str, Any]:
    loaded: Mapping[str, Any] = tomllib.loads((FOLDER / "answers" / "phrases.toml").read_text(encoding="utf-8"))
    return loaded


def _upper(text: str) -> str:
    return text[0].upper() + text[1:]


def _titled(name: str, text: str) -> str:
    """`text` under its title. What an answer is about is said before its style, which feedback moves."""
    return f"{hearts()[name]['title']}:{text}"


def _numbered(name: str, lines: Sequence[str]) -> str:
    return _titled(name, "".join(f"\n{number}. {line}" for number, line in enumerate(lines, 1)))


def _wrap(name: str, style: str, heart: str, mood: str, rng: random.Random) -> str:
    """The heart between an opening and a close; in the mood `open` it brings its own close."""
    phrases = _phrases()
    opening = "verbose" if style == "verbose" else "sorry" if mood == "sorry" else "warm"
    said = _titled(name, f" {rng.choice(phrases['open'][opening])} {_upper(heart)}")
    if mood == "open":
        return said
    return f"{said} {rng.choice(phrases['close']['verbose' if style == 'verbose' else mood])}"


def _plain(name: str, style: str, rng: random.Random) -> str:
    entry = hearts()[name]
    chosen = rng.choice(entry[style])
    if style == "steps":
        return _numbered(name, chosen)
    if style == "terse" or entry["mood"] == "whole":
        return str(chosen)
    return _wrap(name, style, chosen, entry["mood"], rng)


def _follow_up(name: str, kind: str, style: str, rng: random.Random) -> str:
    say = rng.choice(hearts()[name][kind])
    phrases = _phrases()["follow_up"]
    if style == "terse":
        return str(say)
    if style == "steps":
        return _numbered(name, [rng.choice(phrases["step_start"]), say, rng.choice(phrases["step_end"])])
    if style == "verbose":
        say = f"{say} {rng.choice(phrases['detail'])}"
    return _wrap(name, style, say, "plain", rng)


def _really(name: str, style: str, rng: random.Random) -> str:
    entry, yes = hearts()[name], _phrases()["really"]
    if style == "steps":
        return _plain(name, style, rng)
    heart = rng.choice(entry[style])
    if style == "terse":
        return f"{rng.choice(yes['terse'])} {heart}"
    close = _phrases()["close"]["verbose" if style == "verbose" else "plain"]
    return _titled(name, f" {rng.choice(yes[style])} {_upper(heart)} {rng.choice(close)}")


def _status(order: Order, style: str, rng: random.Random) -> str:
    heart = rng.choice(load_states()[order.state].heart).format(day=order.day, when=order.when)
    if style == "terse":
        return f"Order {order.number} {heart}."
    if style == "steps":
        lines = [line.format(number=order.number, heart=heart) for line in rng.choice(STATUS_STEPS)]
        return _numbered("order_status", lines)
    text = f"your order {order.number} {heart}."
    if style == "verbose":
        text += (
            " This is what I can read about it in our system at this moment, and as soon as it changes you get "
            "an email."
        )
    return _wrap("order_status", style, text, "plain", rng)


def render(intent: str, style: str, rng: random.Random, order: Order | None = None) -> str:
    """A right answer to `intent` (or `intent.kind` for a follow-up) in one of `STYLES`.

    With `order` the answer to `order_status` states that order; other intents do not look at it.
    """
    if style not in STYLES:
        raise ValueError(f"There is no style {style!r}; choose one of {', '.join(STYLES)}.")
    name, _, kind = intent.partition(".")
    if order is not None and name == "order_status":
        return _status(order, style, rng)
    if kind == "":
        return _plain(name, style, rng)
    return _really(name, style, rng) if kind == "really" else _follow_up(name, kind, style, rng)
