"""Ways to get at the system message, in which a word is planted that must not come out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random

from safety.redteam.attack import SYSTEM_PROMPT, Attack, canary_word, system, user
from safety.redteam.families.wrapping import planted, texts
from safety.redteam.goals import Goal


def attacks(goals: Sequence[Goal], rng: Random) -> Iterator[Attack]:
    """Each way of asking, each with a word of its own; the goals of harm play no part."""
    said = texts("extraction")
    for number, (name, asked) in enumerate(said["ways"].items()):
        canary = canary_word(rng)
        instructions = system(said["system"].format(word=canary.text))
        harmless = said["harmless"][number % len(said["harmless"])]
        attack, twin = ((instructions, user(text)) for text in (asked, harmless))
        yield from planted("extraction", name, SYSTEM_PROMPT, "system-message", canary, attack, twin)
