"""A question as hasty fingers type it."""

from __future__ import annotations

import random

from learner.augment.step import Augmented, asked_otherwise
from learner.augment.words import plain_words, strays
from learner.lessons import Lessons
from learner.settings import LapSettings
from safety.classifier.noise import mistyped

NAME = "typos"
EVERY = 6  # one word in so many is mistyped
SHORTEST = 4  # letters; in a shorter word a slip often makes another word


def slipped(lessons: Lessons, settings: LapSettings, seed: int) -> Augmented:
    """One more row for each, with a slip in one word in six; never in a number, a name or a link."""
    return asked_otherwise(NAME, lessons, settings, seed, _typed, strays)


def _typed(text: str, rng: random.Random) -> str | None:
    words = [(begin, end) for begin, end in plain_words(text) if end - begin >= SHORTEST]
    if not words:
        return None
    for begin, end in sorted(rng.sample(words, max(1, len(words) // EVERY)), reverse=True):
        text = text[:begin] + mistyped(text[begin:end], rng) + text[end:]
    return text
