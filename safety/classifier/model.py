"""The classifier as it runs: numpy alone, one text at a time, no download.

A text becomes words. A word is a vector: its own, if the model knows it, and the mean of those of its pieces. Two
layers of convolution look at each word with its neighbours, the strongest answer of each filter over the text and the
mean of all go through one layer more, and each label gets a calibrated probability.

The first convolution is linear in each word, so what a word adds to its neighbourhood is worked out once and kept: for
a word that was seen before, that layer is a look-up.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load

from safety.classifier.labels import LABELS
from safety.classifier.spaced import Spaced
from safety.classifier.words import hashed, ngrams, spelling, words
from safety.errors import ModelRefused

BUNDLED = Path(__file__).with_name("model")
WEIGHTS, CARD = "weights.safetensors", "model.json"
KEPT_WORDS = 8192  # whose share in the first layer is kept; 1 KB to 2 KB each
PART = 2048  # words that are worked on together, which bounds the memory that a long text takes
SMALL_PRODUCT = 262_144  # multiplications; OpenBLAS wakes other threads for more, which costs more than it gains

_LAST_LATIN = 0xFF  # beyond it marks may speak, as emoji do

Floats = NDArray[np.float32]


class Classifier:
    """Scores texts; may be shared by threads."""

    def __init__(self, tensors: Mapping[str, NDArray[Any]], version: str) -> None:
        self.version = version
        self._tensors, self._layers = tensors, Layers(tensors)
        self._spaced = Spaced(self._layers.knows)
        self._lock = threading.Lock()

    @classmethod
    def load(cls, folder: Path = BUNDLED) -> Classifier:
        """The classifier in `folder`. Raises ModelRefused where files are missing or not those that the card names."""
        try:
            card, weights = json.loads((folder / CARD).read_text("utf-8")), (folder / WEIGHTS).read_bytes()
        except (OSError, ValueError) as error:
            raise ModelRefused(
                f"{folder} holds no classifier that can be read ({error}). Train one with `./ratchet "
                "classifier train`, or restore the bundled files."
            ) from error
        found = sha256(weights).hexdigest()
        if found != card.get("sha256") or card.get("labels") != list(LABELS):
            raise ModelRefused(
                f"{folder / WEIGHTS} is not what {CARD} beside it names: its sha256 is {found}, not "
                f"{card.get('sha256')}. Restore both files, or train a classifier anew."
            )
        return cls(load(weights), found[:12])

    def fresh(self) -> Classifier:
        """The same classifier as after a start, when it has seen no word yet."""
        return Classifier(self._tensors, self.version)

    def scores(self, texts: Sequence[str]) -> list[dict[str, float]]:
        """For each text the probability of every label, between 0 and 1; a text's scores depend on that text alone."""
        return [dict(zip(LABELS, self._probabilities(text), strict=True)) for text in texts]

    def _probabilities(self, text: str) -> list[float]:
        found = words(text)
        if not any(word[0].isalpha() or ord(word[0]) > _LAST_LATIN for word in found):
            return [0.0] * len(LABELS)  # figures and marks alone say nothing
        with self._lock:
            logits = self._layers.logits(self._spaced.words(found))
        probabilities: list[float] = (1.0 / (1.0 + np.exp(-logits))).tolist()
        return probabilities


class Layers:
    """The weights, and what was worked out of them for words that were seen. Not to be shared by threads."""

    def __init__(self, tensors: Mapping[str, NDArray[Any]]) -> None:
        self._words, self._pieces = _rows(tensors, "words"), _rows(tensors, "pieces")
        # Row 0 is that of every word the model does not know.
        self._word_at = dict(zip(tensors["words.keys"].tolist(), range(1, len(self._words)), strict=True))
        self._piece_at = dict(zip(tensors["pieces.keys"].tolist(), range(len(self._pieces)), strict=True))
        self._first = tensors["first.weight"].astype(np.float32)  # width of a word, neighbours times filters
        self._second = tensors["second.weight"].astype(np.float32)  # neighbours times filters, filters
        self._filters = self._second.shape[1]
        self._taps = self._first.shape[1] // self._filters
        self._reach = self._taps // 2 + len(self._second) // self._filters // 2
        self._hidden, self._out = tensors["hidden.weight"].astype(np.float32), tensors["out.weight"].astype(np.float32)
        self._biases = {
            name: tensors[f"{name}.bias"].astype(np.float32) for name in ("first", "second", "hidden", "out")
        }
        self._kept: dict[str, int] = {}
        self._shares = np.zeros((KEPT_WORDS, self._first.shape[1]), np.float32)

    def knows(self, word: str) -> bool:
        """Whether this spelling was taught."""
        return hashed(word) in self._word_at

    def logits(self, found: Sequence[str]) -> Floats:
        """One number for each label."""
        width = 2 * self._filters
        strongest, total = np.zeros(width, np.float32), np.zeros(width, np.float32)
        for start in range(0, len(found), PART):
            before = max(0, start - self._reach)
            answers = self._answers(found[before : start + PART + self._reach])[start - before :][:PART]
            np.maximum(strongest, answers.max(0), out=strongest)
            total += answers.sum(0)
        pooled = np.concatenate((strongest, total / max(1, len(found))))
        hidden = np.maximum(pooled @ self._hidden + self._biases["hidden"], 0)
        logits: Floats = hidden @ self._out + self._biases["out"]
        return logits

    def _answers(self, found: Sequence[str]) -> Floats:
        """What both layers answer at each word, side by side."""
        count, filters, margin = len(found), self._filters, self._taps // 2
        shares = self._shares[self._places(found)].reshape(count, self._taps, filters)
        first = np.empty((count + 2 * margin, filters), np.float32)
        first[:] = self._biases["first"]
        for tap in range(self._taps):  # the word at `place` is its neighbour `tap` words further on
            at = 2 * margin - tap
            first[at : at + count] += shares[:, tap]
        padded = np.zeros((count + 2, filters), np.float32)
        np.maximum(first[margin : margin + count], 0, out=padded[1:-1])
        around = np.concatenate((padded[:-2], padded[1:-1], padded[2:]), axis=1)
        second = product(around, self._second)
        second += self._biases["second"]
        np.maximum(second, 0, out=second)
        return np.concatenate((padded[1:-1], second), axis=1)

    def _places(self, found: Sequence[str]) -> list[int]:
        """The rows in which the words' shares are kept."""
        kept = self._kept
        missing = {word for word in found if word not in kept}
        if missing:
            if len(kept) + len(missing) > KEPT_WORDS:
                kept.clear()
                missing = set(found)
            self._work_out(sorted(missing))
        return [kept[word] for word in found]

    def _work_out(self, missing: Sequence[str]) -> None:
        start = len(self._kept)
        spellings = [spelling(word) for word in missing]
        vectors = self._words[[self._word_at.get(hashed(word), 0) for word in spellings]]
        piece_at, rows, counts = self._piece_at, [], []
        for word in spellings:
            found = [row for piece in ngrams(word) if (row := piece_at.get(piece)) is not None]
            rows += found
            counts.append(len(found))
        lengths = np.array(counts)
        having = lengths > 0
        if rows:
            sums = np.add.reduceat(self._pieces[rows], (np.cumsum(lengths) - lengths)[having], axis=0)
            vectors[having] += sums / lengths[having, None].astype(np.float32)
        self._shares[start : start + len(missing)] = product(vectors, self._first)
        self._kept.update(zip(missing, range(start, start + len(missing)), strict=True))


def product(left: Floats, right: Floats) -> Floats:
    """`left @ right`, in parts so small that OpenBLAS does not wake its other threads."""
    rows = max(1, SMALL_PRODUCT // right.size)
    if len(left) <= rows:
        return left @ right
    whole = np.empty((len(left), right.shape[1]), np.float32)
    for start in range(0, len(left), rows):
        np.matmul(left[start : start + rows], right, out=whole[start : start + rows])
    return whole


def _rows(tensors: Mapping[str, NDArray[Any]], name: str) -> Floats:
    """A table that is kept in eight bits, with a scale for each row."""
    rows: Floats = tensors[f"{name}.rows"].astype(np.float32) * tensors[f"{name}.scales"].astype(np.float32)[:, None]
    return rows
