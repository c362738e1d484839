"""The request cut into pieces that no list of words knows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from random import Random

from safety.redteam.attack import Attack, Messages, assistant, user
from safety.redteam.families.wrapping import spoken, texts, wrapped
from safety.redteam.goals import Goal
from safety.redteam.letters import ZERO_WIDTH

_WORD = re.compile(r"\w{3,}")


def attacks(goals: Sequence[Goal], rng: Random) -> Iterator[Attack]:
    """Every goal cut in every way."""
    ways = {
        "zero-width": spoken(lambda text: _WORD.sub(lambda word: ZERO_WIDTH[0].join(word[0]), text)),
        "soft-hyphens": spoken(lambda text: _WORD.sub(lambda word: ZERO_WIDTH[3].join(word[0]), text)),
        "spaces": spoken(lambda text: _WORD.sub(lambda word: " ".join(word[0]), text)),
        "dots": spoken(lambda text: _WORD.sub(lambda word: ".".join(word[0]), text)),
        "line-breaks": spoken(lambda text: _WORD.sub(lambda word: f"{word[0][:2]}-\n{word[0][2:]}", text)),
        "variables": _variables,
        "turns": _turns,
    }
    return wrapped("split-tokens", goals, ways)


def _variables(text: str) -> Messages:
    """Pieces that are to be put together, as in a program."""
    cut = [text[at : at + 5] for at in range(0, len(text), 5)]
    named = "; ".join(f'p{number} = "{piece}"' for number, piece in enumerate(cut))
    total = " + ".join(f"p{number}" for number in range(len(cut)))
    return (user(texts("split_tokens")["variables"].format(pieces=named, total=total)),)


def _turns(text: str) -> Messages:
    """Half of it in one turn and half in the next."""
    said, words = texts("split_tokens")["turns"], text.split()
    first, second = " ".join(words[: len(words) // 2]), " ".join(words[len(words) // 2 :])
    return (
        user(said["first"].format(piece=first)),
        assistant(said["between"]),
        user(said["second"].format(piece=second)),
    )
