"""Simulated people who compare answers of the starter, for benchmarks of what is learned from them."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

from chatbot.settings import Settings
from learner.pair import Pair
from learner.scoring import Likelihoods, likelihoods
from learner.simulate.people import Person
from learner.simulate.taste import Taste
from learner.starter import MODEL_DIR, Question
from learner.starter.evaluate import answers
from learner.tokens import encode

LIMIT = 2048  # tokens
DRAWS = 4000


@dataclass(frozen=True)
class Compared:
    """Two answers to a question: `said_first` is what `person` says, at times wrongly, `truly_first` what is so."""

    question: Question
    person: str
    first: str
    second: str
    said_first: bool
    truly_first: bool

    def pair(self, *, truth: bool = False) -> Pair:
        """What a dataset would have of it."""
        ahead = self.truly_first if truth else self.said_first
        chosen, rejected = (self.first, self.second) if ahead else (self.second, self.first)
        said = f"{self.question.messages}\x1f{self.first}\x1f{self.second}"
        turn = f"{self.person}-{sha256(said.encode()).hexdigest()[:12]}"
        return Pair(turn, self.person, self.question.messages, chosen, rejected, "comparison")


class Starter:
    """The starter, with an adapter or without, and what people make of its answers."""

    def __init__(self, adapter: Path | None = None) -> None:
        self.tokenizer = AutoTokenizer.from_pretrained(MODEL_DIR)
        self.model = AutoModelForCausalLM.from_pretrained(MODEL_DIR, dtype=torch.float32).eval()
        if adapter is not None:
            self.model = PeftModel.from_pretrained(self.model, str(adapter)).merge_and_unload()

    def compared(self, asked: Sequence[Question], taste: Taste, seed: int, each: int) -> list[Compared]:
        """Two answers to every question where they differ, by people who compare `each` of them."""
        made = []
        for number, (question, (one, other)) in enumerate(zip(asked, self.said_twice(asked, seed), strict=True)):
            who = number // each
            if number % each == 0:
                person = Person.draw(taste, "honest", seed=seed * 1_000_003 + who)
            said = person.prefers_first(question, one, other)
            truly = person.satisfaction(question, one) > person.satisfaction(question, other)
            if one != other:
                made.append(Compared(question, f"p-{seed}-{who}", one, other, said, truly))
        return made

    def said_twice(self, asked: Sequence[Question], seed: int) -> list[tuple[str, str]]:
        """Two answers to each question, the second one as it is sampled when it is asked for again."""
        both = self.said(asked, seed + 10_000), self.said(asked, seed + 20_000, again=True)
        return list(zip(*both, strict=True))

    def said(self, asked: Sequence[Question], seed: int, *, again: bool = False) -> list[str]:
        """An answer to each question; `again` samples it as one that is asked for again."""
        model = self.model
        if again:
            model = deepcopy(model)
            model.generation_config.temperature = Settings.load({}, {}).number("sibling_temperature")
        return [answer.text for answer in answers(model, self.tokenizer, asked, seed)]

    def tuned(self, adapter: Path) -> Any:  # noqa: ANN401
        """The model with an adapter merged into it."""
        return PeftModel.from_pretrained(deepcopy(self.model), str(adapter)).merge_and_unload()

    def scored(self, model: Any, pairs: Sequence[Pair]) -> tuple[Likelihoods, Likelihoods]:  # noqa: ANN401
        """How likely a model finds what was chosen, and what was rejected."""
        chosen, rejected = (
            likelihoods(model, [encode(self.tokenizer, pair.prompt, text) for pair, text in side], LIMIT)
            for side in ([(p, p.chosen) for p in pairs], [(p, p.rejected) for p in pairs])
        )
        return chosen, rejected

    def accurate(self, model: Any, pairs: Sequence[Pair]) -> NDArray[np.float64]:  # noqa: ANN401
        """1 for each pair whose chosen answer the model finds likelier per token, else 0; shape (pairs,)."""
        chosen, rejected = self.scored(model, pairs)
        return (chosen.means > rejected.means).astype(np.float64)


def interval(effects: Sequence[NDArray[np.float64]], people: Sequence[Sequence[str]], seed: int = 0) -> list[float]:
    """Mean and 95% interval of effects on pairs, an array for each seed, by a bootstrap over seeds and their people."""
    rng = np.random.default_rng(seed)
    sums, counts = [], []
    for effect, who in zip(effects, people, strict=True):
        _, index = np.unique(np.asarray(who), return_inverse=True)
        sums.append(np.bincount(index, weights=effect))
        counts.append(np.bincount(index))
    means = []
    for _ in range(DRAWS):
        total = number = 0.0
        for chosen in rng.integers(len(sums), size=len(sums)):
            rows = rng.integers(len(sums[chosen]), size=len(sums[chosen]))
            total, number = total + sums[chosen][rows].sum(), number + counts[chosen][rows].sum()
        means.append(total / number)
    mean = sum(map(np.sum, sums)) / sum(map(np.sum, counts))
    return [round(float(value), 4) for value in (mean, *np.quantile(means, (0.025, 0.975)))]
