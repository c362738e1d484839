"""Finds which facts are about the same as a text, by the words that both have; rare words count more."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from safety.facts.sources import Fact
from safety.facts.values import ADDRESSES, Value
from safety.facts.words import words_of
from safety.facts.yes_no import Denials

Scores = NDArray[np.float64]
Key = tuple[str, str]
LEAST_SHARED = 0.2  # of a fact's words, rare ones counting more, so that it can be about a text at all


def key_of(value: Value) -> Key:
    """Values of one key can be compared."""
    return value.kind, value.unit if value.kind in ("count", "id") else ""


class Index:
    """The facts of all sources. Building it takes about 0.1 ms for a fact."""

    def __init__(self, facts: Sequence[Fact]) -> None:
        self.facts, self.denials = facts, Denials(facts)
        words = [Counter(set(words_of(_without_values(fact)))) for fact in facts]
        for number, fact in enumerate(facts):
            for word in set(words_of(fact.topic)):
                words[number].setdefault(word, 1)
        self._rarity = _rarities(words)
        self._having = _having(words)
        self._most = max(1.0, math.log(1 + len(facts) / 2))
        sizes = [sum(self._rarity[word] for word in found) for found in words]
        self._sizes = np.array(sizes, dtype=np.float64).clip(1e-9)
        self._roots = np.sqrt(self._sizes * self._most)
        by_key: dict[Key, list[int]] = defaultdict(list)
        for number, fact in enumerate(facts):
            for key in {key_of(value) for value in fact.values}:
                by_key[key].append(number)
        self._by_key = {key: np.array(numbers, dtype=np.intp) for key, numbers in by_key.items()}
        self.addresses = {value.unit for fact in facts for value in fact.values if value.kind in ADDRESSES}

    def about(self, words: Mapping[str, float]) -> Scores:
        """How much each fact is about weighted words, shape (facts,), in [0, 1).

        A fact of nine rare words of which three are there scores 0.5. One that has hardly any of its words there, as
        the long ones, scores 0.
        """
        shared = np.zeros(len(self.facts))
        for word, weight in words.items():
            if (having := self._having.get(word)) is not None:
                shared[having] += weight * self._rarity[word]
        strength = shared / self._roots
        strength[shared < LEAST_SHARED * self._sizes] = 0.0
        scores: Scores = strength / (1 + strength)
        return scores

    def with_value_like(self, value: Value) -> NDArray[np.intp]:
        """The numbers of the facts that state a value which can be compared with this one."""
        return self._by_key.get(key_of(value), np.empty(0, dtype=np.intp))


def _without_values(fact: Fact) -> str:
    text = fact.says
    for value in sorted(fact.values, key=lambda value: -value.start):
        if value.kind != "count" and text[value.start : value.end] == value.text:
            text = f"{text[: value.start]} {text[value.end :]}"
    return text


def _rarities(words: Sequence[Counter[str]]) -> dict[str, float]:
    """From about 0, of a word that all facts have, to log(N / 2), of one that a single fact has."""
    often = Counter(word for found in words for word in found)
    common = math.log(2) * (1 - 1 / max(1, len(words)))
    return {word: math.log(1 + len(words) / count) - common for word, count in often.items()}


def _having(words: Sequence[Counter[str]]) -> dict[str, NDArray[np.intp]]:
    having: dict[str, list[int]] = defaultdict(list)
    for number, found in enumerate(words):
        for word in found:
            having[word].append(number)
    return {word: np.array(numbers, dtype=np.intp) for word, numbers in having.items()}
