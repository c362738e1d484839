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

Scores = NDArray[np.float64]
Key = tuple[str, str]


def key_of(value: Value) -> Key:
    """Values of one key can be compared."""
    return value.kind, value.unit if value.kind in ("count", "id") else ""


class Index:
    """The facts of all sources. Building it takes about 0.1 ms for a fact."""

    def __init__(self, facts: Sequence[Fact]) -> None:
        self.facts = facts
        words = [Counter(set(words_of(_without_values(fact)))) for fact in facts]
        for number, fact in enumerate(facts):
            for word in set(words_of(fact.topic)):
                words[number].setdefault(word, 1)
        self._rarity = _rarities(words)
        self._having = _having(words)
        sizes = [sum(self._rarity[word] for word in found) for found in words]
        self._roots = np.sqrt(np.array(sizes, dtype=np.float64).clip(1e-9))
        by_key: dict[Key, list[int]] = defaultdict(list)
        for number, fact in enumerate(facts):
            for key in {key_of(value) for value in fact.values}:
                by_key[key].append(number)
        self._by_key = {key: np.array(numbers, dtype=np.intp) for key, numbers in by_key.items()}
        self.addresses = {value.unit for fact in facts for value in fact.values if value.kind in ADDRESSES}

    def about(self, words: Mapping[str, float]) -> Scores:
        """How much each fact is about weighted words, shape (facts,), in [0, 1]; words that no fact has are ignored."""
        scores = np.zeros(len(self.facts))
        size = 0.0
        for word, weight in words.items():
            if (having := self._having.get(word)) is not None:
                share = weight * self._rarity[word]
                scores[having] += share
                size += share
        return scores / (self._roots * math.sqrt(max(size, 1e-9)))

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
    often = Counter(word for found in words for word in found)
    return {word: math.log(1 + len(words) / count) for word, count in often.items()}


def _having(words: Sequence[Counter[str]]) -> dict[str, NDArray[np.intp]]:
    having: dict[str, list[int]] = defaultdict(list)
    for number, found in enumerate(words):
        for word in found:
            having[word].append(number)
    return {word: np.array(numbers, dtype=np.intp) for word, numbers in having.items()}
