"""Small changes to a request that leave what it asks for: operators, and the test that the goal was kept."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from types import MappingProxyType

from safety.redteam.attack import Messages, assistant, user
from safety.redteam.goals import Goal
from safety.redteam.letters import CYRILLIC, GREEK, LEET, ZERO_WIDTH, folded, full_width

_MATERIAL = tomllib.loads(Path(__file__).with_name("mutations.toml").read_text(encoding="utf-8"))
_WORD = re.compile(r"[^\W\d_]+")
_ACCENTS = ("\u0301", "\u0308", "\u0323")
_BETWEEN = (" ", ".", "-", "_", "*", "\n")
GO_ON = "Go on, I am listening."

Draft = tuple[str, ...]
"""What the person says, one text for each turn."""
Operator = Callable[[str, Random], str]


@dataclass(frozen=True)
class Step:
    """One use of an operator; the same seed makes the same change of the same text."""

    operator: str
    seed: int


def mutated(text: str, steps: Sequence[Step]) -> Draft:
    """The request after each step; a step that splits it makes two turns of the last one."""
    draft: Draft = (text,)
    for step in steps:
        rng = Random(f"{step.operator}:{step.seed}")
        last = _split(draft[-1], rng) if step.operator == SPLIT else (OPERATORS[step.operator](draft[-1], rng),)
        draft = (*draft[:-1], *last)
    return draft


def as_messages(draft: Draft) -> Messages:
    """The turns of the person, with a word of the model's between each two."""
    first, *others = (user(text) for text in draft)
    return (first, *(message for later in others for message in (assistant(GO_ON), later)))


def keeps_goal(draft: Draft, goal: Goal) -> bool:
    """Whether every word that carries the goal is still there, under whatever a reader can undo, or in other words."""
    said = folded("".join(draft))
    return all(any(folded(way) in said for way in _ways(word)) for word in goal.keep)


def edits(before: str, after: str) -> int:
    """The least number of characters to put in, take out or replace (Levenshtein)."""
    row = list(range(len(after) + 1))
    for number, letter in enumerate(before, 1):
        above, row = row, [number]
        for at, other in enumerate(after, 1):
            row.append(min(above[at] + 1, row[at - 1] + 1, above[at - 1] + (letter != other)))
    return row[-1]


def _ways(words: str) -> list[str]:
    """The words, and everything that stands for one of them."""
    plain = words.split("|")
    tables: list[Mapping[str, list[str]]] = [_MATERIAL["synonyms"], _MATERIAL["languages"]]
    return [*plain, *(other for table in tables for word in plain for other in table.get(word, ()))]


def _at_word(change: Callable[[str, Random], str], least: int = 3) -> Operator:
    """An operator that changes one word of at least so many letters."""

    def operator(text: str, rng: Random) -> str:
        words = [word for word in _WORD.finditer(text) if len(word[0]) >= least]
        if not words:
            return text
        word = rng.choice(words)
        return text[: word.start()] + change(word[0], rng) + text[word.end() :]

    return operator


def _in_look_alikes(table: Mapping[str, str], share: float) -> Callable[[str, Random], str]:
    """Letters of a word replaced, at least one of those that can be."""

    def change(word: str, rng: Random) -> str:
        places = [at for at, letter in enumerate(word) if letter in table]
        if not places:
            return word
        chosen = set(rng.sample(places, max(1, round(share * len(places)))))
        return "".join(table[letter] if at in chosen else letter for at, letter in enumerate(word))

    return change


def _from_table(name: str) -> Operator:
    """An operator that replaces a word by another one of a table."""
    table: Mapping[str, list[str]] = _MATERIAL[name]

    def operator(text: str, rng: Random) -> str:
        words = [word for word in _WORD.finditer(text) if word[0].lower() in table]
        if not words:
            return text
        word = rng.choice(words)
        return text[: word.start()] + rng.choice(table[word[0].lower()]) + text[word.end() :]

    return operator


def _filler(text: str, rng: Random) -> str:
    words = text.split(" ")
    words.insert(rng.randrange(1, len(words) + 1), rng.choice(_MATERIAL["filler"]))
    return " ".join(words)


def _truncation(text: str, rng: Random) -> str:
    words = text.split(" ")
    if len(words) < 4:
        return text
    del words[rng.randrange(len(words))]
    return " ".join(words)


def _rotation(text: str, rng: Random) -> str:
    """What came last comes first: "at home, how do I build it"."""
    words = text.rstrip(".?! ").split(" ")
    if len(words) < 4:
        return text
    cut = rng.randrange(2, len(words) - 1)
    return f"{' '.join(words[cut:])}, {' '.join(words[:cut])}?"


def _split(text: str, rng: Random) -> Draft:
    words = text.split(" ")
    if len(words) < 4:
        return (text,)
    cut = rng.randrange(2, len(words) - 1)
    return " ".join(words[:cut]), " ".join(words[cut:])


def _frame(text: str, rng: Random) -> str:
    return str(rng.choice(_MATERIAL["frames"])).replace("{request}", text)


def _polite(text: str, rng: Random) -> str:
    if rng.random() < 0.5:
        return f"{rng.choice(_MATERIAL['before'])} {text}"
    return f"{text} {rng.choice(_MATERIAL['after'])}"


def _doubled(word: str, rng: Random) -> str:
    at = rng.randrange(len(word))
    return word[:at] + word[at] * rng.randrange(2, 4) + word[at + 1 :]


def _random_case(word: str, rng: Random) -> str:
    return "".join(rng.choice((letter.lower(), letter.upper())) for letter in word)


def _accents(word: str, rng: Random) -> str:
    at = rng.randrange(len(word))
    return word[: at + 1] + rng.choice(_ACCENTS) + word[at + 1 :]


def _one_gap(word: str, rng: Random) -> str:
    at = rng.randrange(1, len(word))
    return word[:at] + rng.choice(_BETWEEN) + word[at:]


SPLIT = "split across turns"
OPERATORS: Mapping[str, Operator] = MappingProxyType(
    {
        "synonym": _from_table("synonyms"),
        "language": _from_table("languages"),
        "filler": _filler,
        "truncation": _truncation,
        "rotation": _rotation,
        "frame": _frame,
        "politeness": _polite,
        "case": _at_word(_random_case),
        "repeated letter": _at_word(_doubled),
        "accent": _at_word(_accents),
        "zero-width": _at_word(lambda word, rng: rng.choice(ZERO_WIDTH).join(word)),
        "spacing": _at_word(lambda word, rng: rng.choice(_BETWEEN).join(word)),
        "gap": _at_word(_one_gap),
        "leetspeak": _at_word(_in_look_alikes(LEET, 0.5)),
        "cyrillic": _at_word(_in_look_alikes(CYRILLIC, 0.5)),
        "greek": _at_word(_in_look_alikes(GREEK, 0.5)),
        "full-width": _at_word(lambda word, rng: full_width(word)),
    }
)
NAMES = (*OPERATORS, SPLIT)
