"""The request in letters that look like Latin ones and are none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random

from safety.redteam.attack import Attack
from safety.redteam.families.wrapping import spoken, wrapped
from safety.redteam.goals import Goal
from safety.redteam.letters import CYRILLIC, GREEK, circled, full_width, math_bold, replaced


def attacks(goals: Sequence[Goal], rng: Random) -> Iterator[Attack]:
    """Every goal in every alphabet."""
    ways = {
        "cyrillic": spoken(lambda text: replaced(text, CYRILLIC)),
        "greek": spoken(lambda text: replaced(text, GREEK)),
        "full-width": spoken(full_width),
        "math-bold": spoken(math_bold),
        "circled": spoken(circled),
        "accents": spoken(lambda text: "".join(f"{letter}\u0323" if letter in "aeiou" else letter for letter in text)),
    }
    return wrapped("confusables", goals, ways)
