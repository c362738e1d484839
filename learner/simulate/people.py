"""One simulated person: a taste of their own, a mood, and the noise in what they click."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, fields
from typing import Literal

from learner.simulate.taste import Taste, Weights, features
from learner.starter import STYLES, Question, render

Votes = Literal["honest", "random"]


@dataclass
class Person:
    """`weights` and `mood` are hidden; what the server sees is `cookie` and what the person sends."""

    weights: Weights
    mood: float
    threshold: float
    taste: Taste
    votes: Votes
    rng: random.Random
    cookie: str = ""

    @classmethod
    def draw(cls, taste: Taste, votes: Votes, seed: int) -> Person:
        """A person whose weights and mood scatter around the taste."""
        rng = random.Random(seed)
        drawn = {
            field.name: getattr(taste.weights, field.name) + _spread(taste, field.name) * rng.gauss(0, 1)
            for field in fields(Weights)
        }
        return cls(Weights(**drawn), rng.gauss(0, taste.people.mood), taste.people.threshold, taste, votes, rng)

    def satisfaction(self, question: Question, answer: str) -> float:
        """The probability that the person is satisfied with the answer: the truth, which no vote tells exactly."""
        return 1 / (1 + math.exp(-(self._liking(question, answer) - self.threshold + self.mood)))

    def thumb(self, question: Question, answer: str) -> int:
        """1 or -1, flipped now and then."""
        if self.votes == "random":
            return self.rng.choice((-1, 1))
        satisfied = self.rng.random() < self.satisfaction(question, answer)
        return 1 if satisfied != self._slips() else -1

    def prefers_first(self, question: Question, first: str, second: str) -> bool:
        """Which of two answers the person says is better, flipped now and then."""
        if self.votes == "random":
            return self.rng.random() < 0.5
        ahead = self._liking(question, first) - self._liking(question, second)
        return (self.rng.random() < 1 / (1 + math.exp(-2 * ahead))) != self._slips()

    def rewrite(self, question: Question) -> str:
        """The answer as the person would have written it."""
        drafts = [render(question.intent, style, self.rng, question.order) for style in STYLES]
        if self.votes == "random":
            return self.rng.choice(drafts)
        return max(drafts, key=lambda draft: self._liking(question, draft))

    def does(self, habit: str) -> bool:
        """Whether the person does one of the `Habits` now."""
        return self.rng.random() < float(getattr(self.taste.habits, habit))

    def _slips(self) -> bool:
        return self.rng.random() < self.taste.habits.flips

    def _liking(self, question: Question, answer: str) -> float:
        seen = features(question, answer)
        return float(sum(getattr(self.weights, field.name) * getattr(seen, field.name) for field in fields(Weights)))


def _spread(taste: Taste, name: str) -> float:
    # Nobody has an opinion on what the taste does not mention.
    return taste.people.difference if getattr(taste.weights, name) else 0.0
