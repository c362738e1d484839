"""A word more in a question: a synonym of one that it has, or one that says nothing (EDA, arXiv:1901.11196)."""

from __future__ import annotations

import random

from learner.augment.step import Augmented, asked_otherwise
from learner.augment.synonyms import occurrences
from learner.augment.words import Bank, plain_words, strays, synonyms
from learner.lessons import Lessons
from learner.settings import LapSettings

NAME = "insertion"
EVERY = 8  # one insertion for so many words
FILLERS = ("please", "just", "actually", "well", "so", "maybe", "really", "um", "also", "now", "basically", "kind of")


def inserted(lessons: Lessons, settings: LapSettings, seed: int) -> Augmented:
    """One more row for each, with one word in eight put into its question."""
    bank = synonyms(settings.augment_synonyms)
    return asked_otherwise(NAME, lessons, settings, seed, lambda text, rng: _longer(text, bank, rng), strays)


def _longer(text: str, bank: Bank, rng: random.Random) -> str | None:
    places = [begin for begin, _ in plain_words(text)]
    if not places:
        return None
    found = [bank[text[begin:end].lower()] for begin, end in occurrences(text, bank) if text[begin:end].lower() in bank]
    count = max(1, len(places) // EVERY)
    for place in sorted(rng.choices(places, k=count), reverse=True):
        word = rng.choice(rng.choice(found)) if found and rng.random() < 0.5 else rng.choice(FILLERS)
        text = f"{text[:place]}{word} {text[place:]}"
    return text
