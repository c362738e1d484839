"""Some words of a question in other words of the same meaning (EDA: Wei and Zou, arXiv:1901.11196)."""

from __future__ import annotations

import random
import re

from learner.augment.step import Augmented, asked_otherwise
from learner.augment.words import Bank, plain_words, strays, synonyms
from learner.lessons import Lessons
from learner.settings import LapSettings

NAME = "synonyms"
MOST_WORDS = 3  # of the longest words in an entry of the bank
SHARE = 0.5  # of the words that have a synonym; one at least


def replaced(lessons: Lessons, settings: LapSettings, seed: int) -> Augmented:
    """One more row for each, in whose question half of the words that have synonyms are others."""
    bank = synonyms(settings.augment_synonyms)
    return asked_otherwise(NAME, lessons, settings, seed, lambda text, rng: _reworded(text, bank, rng), strays)


def _reworded(text: str, bank: Bank, rng: random.Random) -> str | None:
    found = occurrences(text, bank)
    if not found:
        return None
    wanted = set(rng.sample(range(len(found)), max(1, round(SHARE * len(found)))))
    for number, (begin, end) in reversed(list(enumerate(found))):
        if number in wanted:
            text = text[:begin] + _cased(rng.choice(bank[text[begin:end].lower()]), text[begin:end]) + text[end:]
    return text


def occurrences(text: str, bank: Bank) -> list[tuple[int, int]]:
    """Where words of the bank stand, the longest entry first where two overlap, in order."""
    words, taken, found = plain_words(text), set[int](), []
    for length in range(MOST_WORDS, 0, -1):
        for at in range(len(words) - length + 1):
            begin, end = words[at][0], words[at + length - 1][1]
            said = re.sub(r"\s+", " ", text[begin:end].lower())
            if said in bank and not taken & set(range(at, at + length)):
                taken |= set(range(at, at + length))
                found.append((begin, end))
    return sorted(found)


def _cased(word: str, like: str) -> str:
    return word[:1].upper() + word[1:] if like[:1].isupper() else word
