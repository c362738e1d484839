"""Trains the classifier on a CPU. Run as: ./ratchet classifier train --data DIR --out DIR

Twice: first without a part of the lines of each bank, on which each label is then calibrated, since a model is too sure
of what it was taught; then on all that may be taught. The same seed on the same machine gives the same files, byte
for byte.
"""

from __future__ import annotations

import itertools
import json
import math
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save

from safety.classifier.calibrate import platt
from safety.classifier.examples import Example
from safety.classifier.generate import around
from safety.classifier.labels import LABELS
from safety.classifier.model import CARD, WEIGHTS, Classifier
from safety.classifier.noise import noisy
from safety.classifier.shape import Batch, Lexicon, Network, shipped
from safety.classifier.words import hashed, ngrams, spelling, words
from safety.errors import TrainingRefused

Report = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Recipe:
    """How long and how hard to train. `most` bounds the texts of a source in one round, drawn anew for each."""

    rounds: float = 3
    first_rounds: float = 0.5  # of the training for the calibration
    batch: int = 128
    rate: float = 3e-3
    decay: float = 1e-2
    forget: float = 0.12
    drop: float = 0.2
    joined: float = 0.12  # share of texts to which an innocent one is joined
    words: int = 24_000
    pieces: int = 40_000
    least: int = 2  # times a word must occur to be known
    most: Mapping[str, int] | None = None
    calibrated_on: int = 20  # percent of the lines of each bank and of the given families


MOST = {
    "unfamiliar": 14_000,
    "house": 4_000,
    "madlibs": 5_000,
    "generated": 70_000,
    "scraps": 4_000,
}  # texts of a source in one round
WARMUP_STEPS = 60
SHORTEST_JOINED = 30  # characters of an innocent text that is joined to another
TABLE_PACE = 3.0  # of the tables, whose rows are touched now and then


def train(examples: Sequence[Example], out: Path, seed: int, report: Report, recipe: Recipe = Recipe()) -> Classifier:
    """Train on the examples that may be taught, write the classifier to `out` and return it. Raises TrainingRefused."""
    taught = [example for example in examples if example.split == "taught"]
    apart = [hashed(f"calibration {example.line or example.family}") % 100 < recipe.calibrated_on for example in taught]
    kept = [example for example, left in zip(taught, apart, strict=True) if not left]
    judged = [example for example, left in zip(taught, apart, strict=True) if left]
    if not kept or not judged:
        raise TrainingRefused("There are too few families of texts to train on some and calibrate on the others.")
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    first = _Training(kept, seed, recipe)
    first.run("calibration", recipe.first_rounds, report)
    slopes, shifts = platt(first.logits(judged), np.array([example.target for example in judged]))
    second = _Training(taught, seed, recipe)
    second.run("training", recipe.rounds, report)
    tensors = shipped(second.network, second.lexicon, slopes, shifts)
    return write(save(dict(tensors)), out, {"seed": seed, "taught": dict(Counter(e.source for e in taught))})


def write(weights: bytes, out: Path, notes: Mapping[str, object]) -> Classifier:
    """Keep the weights in `out`, with a card that pins them."""
    out.mkdir(parents=True, exist_ok=True)
    (out / WEIGHTS).write_bytes(weights)
    card = {"sha256": sha256(weights).hexdigest(), "labels": LABELS, **notes}
    (out / CARD).write_text(json.dumps(card, indent=2) + "\n", "utf-8")
    return Classifier.load(out)


class _Training:
    def __init__(self, examples: Sequence[Example], seed: int, recipe: Recipe) -> None:
        torch.manual_seed(seed)
        self.examples, self.recipe, self.rng = examples, recipe, random.Random(seed)
        self.lexicon = lexicon(examples, recipe)
        self.network = Network(len(self.lexicon.word_keys), len(self.lexicon.piece_keys))
        innocent = (e.text for e in examples if not any(value != 0 for value in e.target))
        self.innocent = [text for text in innocent if len(text) > SHORTEST_JOINED]
        self.around = around()

    def run(self, name: str, rounds: float, report: Report) -> None:
        """Go over the examples so many times."""
        recipe, network = self.recipe, self.network
        optimizers = (
            torch.optim.SparseAdam(network.tables(), lr=recipe.rate),
            torch.optim.AdamW(network.layers(), lr=recipe.rate, weight_decay=recipe.decay),
        )
        network.train()
        first = self._batches()
        steps = max(1, round(rounds * len(first)))
        batches = itertools.chain(first, itertools.chain.from_iterable(iter(self._batches, None)))
        for done, batch in enumerate(itertools.islice(batches, steps)):
            falling = 0.02 + 0.49 * (1 + math.cos(math.pi * done / steps))
            self._step(
                batch, optimizers, recipe.rate * min(1.0, (done + 1) / min(WARMUP_STEPS, 1 + steps // 10)) * falling
            )
            report(name, done + 1, steps)
        network.eval()

    def _drawn(self) -> list[Example]:
        """The examples of one round."""
        most = MOST if self.recipe.most is None else self.recipe.most
        by_source: dict[str, list[Example]] = {}
        for example in self.examples:
            by_source.setdefault(example.source, []).append(example)
        drawn = [
            example
            for source, these in by_source.items()
            for example in (
                self.rng.sample(these, most[source]) if len(these) > most.get(source, len(these)) else these
            )
        ]
        self.rng.shuffle(drawn)
        return drawn

    def _batches(self) -> list[list[Example]]:
        """The examples of one round in batches of like length, so that little of them is padding."""
        drawn, size = self._drawn(), self.recipe.batch
        batches = []
        for start in range(0, len(drawn), 40 * size):
            pool = sorted(drawn[start : start + 40 * size], key=lambda example: len(example.text))
            batches += [pool[at : at + size] for at in range(0, len(pool), size)]
        self.rng.shuffle(batches)
        return batches

    def _step(self, batch: Sequence[Example], optimizers: Sequence[torch.optim.Optimizer], rate: float) -> None:
        targets = torch.tensor([example.target for example in batch])
        known = ~targets.isnan()
        logits = self.network(Batch([self._said(e) for e in batch], self.lexicon), self.recipe.forget, self.recipe.drop)
        smooth = targets.nan_to_num() * 0.98 + 0.005
        losses = torch.nn.functional.binary_cross_entropy_with_logits(logits, smooth, reduction="none")
        self.network.zero_grad()
        loss = (losses * known).sum() / known.sum() * len(LABELS)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.network.layers(), 1.0)
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = rate * (TABLE_PACE if isinstance(optimizer, torch.optim.SparseAdam) else 1.0)
            optimizer.step()

    def _said(self, example: Example) -> str:
        text = noisy(example.text, self.rng, self.around)
        if self.innocent and self.rng.random() < self.recipe.joined:
            parts = [text, self.rng.choice(self.innocent)]
            self.rng.shuffle(parts)
            text = self.rng.choice([" ", ". ", "\n"]).join(parts)
        return text

    def logits(self, examples: Sequence[Example]) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
        """Of texts as they are, without noise."""
        with torch.no_grad():
            parts = [
                self.network(Batch([example.text for example in examples[at : at + 256]], self.lexicon)).numpy()
                for at in range(0, len(examples), 256)
            ]
        return np.concatenate(parts)


def lexicon(examples: Sequence[Example], recipe: Recipe) -> Lexicon:
    """The commonest words of the examples, and the pieces that most of them are made of."""
    counts = Counter(spelling(word) for example in examples for word in words(example.text))
    known = [word for word, times in counts.most_common(recipe.words) if times >= recipe.least]
    pieces = Counter(piece for word in counts for piece in ngrams(word))
    common = [piece for piece, times in pieces.most_common(recipe.pieces) if times >= recipe.least]
    # Two words of one hash would be one word; the set leaves one.
    return Lexicon(sorted({hashed(word) for word in known}), sorted(set(common)))
