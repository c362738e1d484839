"""How a wording becomes what somebody types: filled slots, company around it, abbreviations, typos, dropped words."""

from __future__ import annotations

import random
import re
import tomllib
from collections.abc import Mapping
from functools import cache
from typing import Any

from learner.starter.world import FOLDER
from safety.classifier.noise import mistyped

_SLOT = re.compile(r"\{(\w+)\}")
_NEIGHBOURS: Mapping[str, str] = {
    "a": "sqz", "b": "vn", "c": "xv", "d": "sf", "e": "wr", "f": "dg", "g": "fh", "h": "gj", "i": "uo", "j": "hk",
    "k": "jl", "l": "ko", "m": "n", "n": "bm", "o": "ip", "p": "ol", "q": "wa", "r": "et", "s": "ad", "t": "ry",
    "u": "yi", "v": "cb", "w": "qe", "x": "zc", "y": "tu", "z": "xa",
}  # fmt: skip


@cache
def load_slots() -> Mapping[str, Any]:
    """The content of slots.toml, and of slots_beyond.toml for what is beyond the shop."""
    files = (FOLDER / name for name in ("slots.toml", "slots_beyond.toml"))
    return {name: value for path in files for name, value in tomllib.loads(path.read_text(encoding="utf-8")).items()}


@cache
def frames() -> Mapping[str, tuple[str, ...]]:
    """Frames around a noun phrase, a clause, an infinitive and a whole question, which stand where {it} is."""
    table = tomllib.loads((FOLDER / "frames.toml").read_text(encoding="utf-8"))
    return {kind: tuple(texts) for kind, texts in table.items()}


def framed(text: str, kind: str, rng: random.Random) -> str:
    """`text` in a frame of its `kind`."""
    return rng.choice(frames()[kind]).replace("{it}", text)


def fill(text: str, rng: random.Random, number: str | None = None) -> str:
    """Fill the slots; a slot that occurs twice gets different values. `number` is the order's, if it is known."""
    used: set[str] = set()

    def value(match: re.Match[str]) -> str:
        if match[1] == "number":
            return number or str(rng.randint(10000, 99999))
        chosen = rng.choice([option for option in load_slots()[match[1]] if option not in used])
        used.add(chosen)
        return str(chosen)

    return _SLOT.sub(value, text)


def typed(text: str, rng: random.Random) -> str:
    """`text` as somebody may type it: with words around it, words missing, shortened or mistyped."""
    if rng.random() < 0.12:
        text = fill(framed(text, "question", rng), rng)
    if rng.random() < 0.45:
        text = _surround(text, rng)
    if rng.random() < 0.35:
        text = _reword(text, rng)
    if rng.random() < 0.15:
        text = _abbreviate(text, rng)
    if rng.random() < 0.15:
        text = _drop_words(text, rng)
    if rng.random() < 0.06:
        text = _swap_words(text, rng)
    if rng.random() < 0.25:
        text = mistyped(text, rng, _NEIGHBOURS) or text
    return _case(text, rng)


def _surround(text: str, rng: random.Random) -> str:
    around = load_slots()["around"]
    parts = [text]
    if rng.random() < 0.45:
        parts.insert(0, fill(rng.choice(around["before"]), rng) + rng.choice([",", "", ".", "!", ":", " -"]))
    if rng.random() < 0.3:
        parts.insert(rng.choice([0, len(parts)]), fill(rng.choice(around["story"]), rng))
    if rng.random() < 0.35:
        parts.append(fill(rng.choice(around["after"]), rng))
    return " ".join(parts)


def _reword(text: str, rng: random.Random) -> str:
    """Put another word of the same meaning in the place of some."""
    pattern, others = _synonyms()

    def other(match: re.Match[str]) -> str:
        return str(rng.choice(others[match[0].lower()])) if rng.random() < 0.4 else match[0]

    return pattern.sub(other, text)


@cache
def _synonyms() -> tuple[re.Pattern[str], Mapping[str, list[str]]]:
    groups: list[list[str]] = tomllib.loads((FOLDER / "synonyms.toml").read_text(encoding="utf-8"))["groups"]
    others: dict[str, list[str]] = {}
    for group in groups:
        for word in group:
            others.setdefault(word, []).extend(one for one in group if one != word)
    longest_first = sorted(others, key=len, reverse=True)
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, longest_first))})\b", re.IGNORECASE), others


def _abbreviate(text: str, rng: random.Random) -> str:
    for long, short in load_slots()["abbreviations"].items():
        if rng.random() < 0.6:
            text = re.sub(rf"(?<![\w']){re.escape(long)}(?![\w'])", rng.choice(short), text)
    return text


def _drop_words(text: str, rng: random.Random) -> str:
    words = text.split()
    if len(words) < 4:
        return text
    # Long words carry the meaning; what people leave out is mostly short.
    kept = [word for word in words if rng.random() > (0.25 if len(word) <= 4 else 0.06)]
    return " ".join(kept) if len(kept) >= 2 else text


def _swap_words(text: str, rng: random.Random) -> str:
    words = text.split()
    if len(words) < 3:
        return text
    for _ in range(rng.randint(1, 3)):
        place = rng.randrange(len(words) - 1)
        words[place], words[place + 1] = words[place + 1], words[place]
    return " ".join(words)


def _case(text: str, rng: random.Random) -> str:
    dice = rng.random()
    if dice < 0.35:
        text = text[:1].upper() + text[1:]
        text = re.sub(r"\bi\b", "I", text)
    elif dice < 0.38:
        text = text.upper()
    if rng.random() < 0.25:
        text = text.rstrip("?!.") + rng.choice(["", "", "?", ".", "??", "!"])
    if rng.random() < 0.08:
        text = text.replace("'", "\u2019")
    return text
