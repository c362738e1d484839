"""What is talked about much must not drown the rest: a quota for each topic."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from learner.dataset.words import Vectors, hashed
from learner.settings import LapSettings
from learner.trust import Outcome, Record, Row
from learner.trust.caps import capped
from learner.trust.texts import prompt_text

LEAST_ROWS = 60  # below which there is nothing to divide
MOST_TOPICS = 40
PLACES = 1 << 10  # of the hashed words
ROUNDS = 15
AT_ONCE = 4096  # texts
FITTED = 10_000  # prompts that the topics are found among; the others join the nearest


def cap_topics(rows: Sequence[Row], record: Record, settings: LapSettings) -> Outcome:
    """Keep the newest of each topic, up to the greater of `topic_rows` and `topic_share` of what is kept."""
    if len(rows) <= settings.topic_rows or len(rows) < LEAST_ROWS:
        return Outcome(rows, note="too few rows for a quota")
    numbers, names = topics([prompt_text(row.lesson.prompt) for row in rows], settings.seed)
    of = {id(row): number for row, number in zip(rows, numbers, strict=True)}
    limits = settings.topic_rows, settings.topic_share
    outcome = capped(rows, lambda row: of[id(row)], *limits, "about one topic", every=True)
    loudest = Counter(numbers).most_common(1)[0]
    note = f"{len(names)} topics, the loudest ({names[loudest[0]]}) with {loudest[1]} of {len(rows)} rows"
    return Outcome(outcome.kept, outcome.taken, note=note)


def topics(texts: Sequence[str], seed: int) -> tuple[list[int], list[str]]:
    """The number of each text's topic, and for each topic the words that tell it from the others.

    Spherical k-means (Dhillon and Modha 2001) over hashed TF-IDF, with as many topics as the root of half the distinct
    texts. It is numpy alone: scikit-learn takes longer to load than this takes for ten thousand texts.
    """
    distinct = list(dict.fromkeys(texts))
    count = max(1, min(MOST_TOPICS, math.isqrt(len(distinct) // 2)))
    numbers = dict(zip(distinct, Clusters.of(distinct, count, seed).nearest(distinct), strict=True))
    return [numbers[text] for text in texts], telling_words(numbers, count)


@dataclass(frozen=True)
class Clusters:
    """Where topics lie: `centres` of shape (topics, PLACES), unit rows, and the `rarity` of each place."""

    rarity: Vectors
    centres: Vectors

    @classmethod
    def of(cls, texts: Sequence[str], count: int, seed: int) -> Clusters:
        """Find `count` topics among the texts, or among an even part of very many."""
        fitted = hashed(texts[:: max(1, len(texts) // FITTED)], PLACES)
        rarity = np.log((1 + len(fitted)) / (1 + np.count_nonzero(fitted, axis=0))).astype(np.float32)
        points = _unit(fitted * rarity)
        centres = _begun(points, count, np.random.default_rng(seed))
        for _ in range(ROUNDS):
            nearest = (points @ centres.T).argmax(axis=1)
            belongs = (nearest == np.arange(count)[:, None]).astype(np.float32)  # shape (topics, texts)
            moved = np.where(belongs.any(axis=1)[:, None], _unit(belongs @ points), centres)
            if np.allclose(moved, centres, atol=1e-4):
                break
            centres = moved
        return cls(rarity, centres)

    def nearest(self, texts: Sequence[str]) -> list[int]:
        """The number of each text's topic."""
        numbers: list[int] = []
        for first in range(0, len(texts), AT_ONCE):
            part = _unit(hashed(texts[first : first + AT_ONCE], PLACES) * self.rarity)
            numbers += (part @ self.centres.T).argmax(axis=1).tolist()
        return numbers


def _begun(points: Vectors, count: int, rng: np.random.Generator) -> Vectors:
    """Centres to begin with, drawn by the distance from those before (k-means++, Arthur and Vassilvitskii 2007)."""
    chosen = [int(rng.integers(len(points)))]
    nearest = points @ points[chosen[0]]
    for _ in range(count - 1):
        apart = np.maximum(1 - nearest, 0).astype(np.float64)
        total = apart.sum()
        chosen.append(int(rng.choice(len(points), p=apart / total) if total > 0 else rng.integers(len(points))))
        nearest = np.maximum(nearest, points @ points[chosen[-1]])
    return points[chosen]


def _unit(rows: Vectors) -> Vectors:
    lengths: Vectors = np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-6)
    return np.asarray(rows / lengths, dtype=np.float32)


def telling_words(numbers: dict[str, int], count: int) -> list[str]:
    """For each topic the three words that it has more often than the whole (by lift times share)."""
    every: Counter[str] = Counter()
    inside: list[Counter[str]] = [Counter() for _ in range(count)]
    for text, number in numbers.items():
        words = {word for word in text.split() if len(word) > 3}
        every.update(words)
        inside[number].update(words)

    def telling(found: Counter[str]) -> str:
        best = sorted(found, key=lambda word: (-(found[word] ** 2) / every[word], word))
        return " ".join(best[:3])

    return [telling(found) for found in inside]
