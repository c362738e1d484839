"""The network while it is trained, in torch, and the way from it to the tensors that ship."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from safety.classifier.labels import LABELS
from safety.classifier.words import hashed, ngrams, spelling, words

WIDTH, FILTERS, HIDDEN = 48, 64, 64
TAPS = 5  # words that the first convolution looks at; the second looks at three of its answers
UNKNOWN_WORD = 0


class Lexicon:
    """The words and pieces of words that the model knows, and each word's features."""

    def __init__(self, word_keys: Sequence[int], piece_keys: Sequence[int]) -> None:
        self.word_keys, self.piece_keys = word_keys, piece_keys
        self._word_at = {key: row for row, key in enumerate(word_keys, start=1)}
        self._piece_at = {key: row for row, key in enumerate(piece_keys)}
        self._features: dict[str, tuple[int, list[int]]] = {}

    def features(self, word: str) -> tuple[int, list[int]]:
        """The word's own row, and the rows of its pieces."""
        found = self._features.get(word)
        if found is None:
            plain = spelling(word)
            pieces = [row for piece in ngrams(plain) if (row := self._piece_at.get(piece)) is not None]
            found = self._word_at.get(hashed(plain), UNKNOWN_WORD), pieces
            self._features[word] = found
        return found


class Batch:
    """Texts side by side: each distinct word once, and at every place the number of its word; -1 is behind the end."""

    def __init__(self, texts: Sequence[str], lexicon: Lexicon) -> None:
        found = [words(text) for text in texts]
        numbers: dict[str, int] = {}
        longest = max(1, *map(len, found)) if len(found) > 1 else max(1, len(found[0]))
        places = np.full((len(found), longest), -1, np.int64)
        for row, line in enumerate(found):
            places[row, : len(line)] = [numbers.setdefault(word, len(numbers)) for word in line]
        features = [lexicon.features(word) for word in numbers] or [(UNKNOWN_WORD, [])]
        self.places = torch.from_numpy(places)
        self.own = torch.tensor([own for own, _ in features])
        self.pieces = torch.tensor([row for _, rows in features for row in rows], dtype=torch.long)
        counts = [len(rows) for _, rows in features]
        self.starts = torch.tensor(np.cumsum([0, *counts[:-1]]))


class Network(nn.Module):
    """What `safety.classifier.model` works out with numpy, in the same way; see there."""

    def __init__(self, word_count: int, piece_count: int) -> None:
        super().__init__()
        # Sparse: a step touches some thousand of the rows.
        self.own = nn.Embedding(word_count + 1, WIDTH, sparse=True)
        self.pieces = nn.EmbeddingBag(max(1, piece_count), WIDTH, mode="mean", sparse=True)
        self.first = nn.Linear(WIDTH, TAPS * FILTERS, bias=False)
        self.first_bias = nn.Parameter(torch.zeros(FILTERS))
        self.second = nn.Linear(3 * FILTERS, FILTERS)
        self.hidden = nn.Linear(4 * FILTERS, HIDDEN)
        self.out = nn.Linear(HIDDEN, len(LABELS))
        nn.init.normal_(self.own.weight, std=0.1)
        nn.init.normal_(self.pieces.weight, std=0.1)

    def forward(self, batch: Batch, forget: float = 0.0, drop: float = 0.0) -> Tensor:
        """Logits, texts by labels; a share `forget` of words is taken for unknown, and `drop` of features left out."""
        own = batch.own
        if forget:
            own = own.masked_fill(torch.rand(len(own)) < forget, UNKNOWN_WORD)
        table = self.own(own) + self.pieces(batch.pieces, batch.starts)
        shares = self.first(nn.functional.dropout(table, drop / 2, self.training))
        shares = torch.cat((shares, shares.new_zeros(1, shares.shape[1])))  # the last row is behind the end
        inside = (batch.places >= 0).unsqueeze(2)
        rows, length = batch.places.shape
        # Of the word so many places further on, the share that it has in this place.
        beside = nn.functional.pad(batch.places, (TAPS // 2, TAPS // 2), value=-1).unfold(1, TAPS, 1) % len(shares)
        taps = (beside * TAPS + torch.arange(TAPS)).reshape(-1, TAPS)
        summed = nn.functional.embedding_bag(taps, shares.reshape(-1, FILTERS), mode="sum")
        first = torch.relu(summed.view(rows, length, FILTERS) + self.first_bias) * inside
        around = nn.functional.pad(first, (0, 0, 1, 1))
        second = torch.relu(self.second(torch.cat((around[:, :-2], first, around[:, 2:]), 2))) * inside
        answers = torch.cat((first, second), 2)
        pooled = torch.cat((answers.max(1).values, answers.sum(1) / inside.sum(1).clamp(min=1)), 1)
        logits: Tensor = self.out(torch.relu(self.hidden(nn.functional.dropout(pooled, drop, self.training))))
        return logits

    def tables(self) -> list[Tensor]:
        """The parameters whose gradients are sparse."""
        return [self.own.weight, self.pieces.weight]

    def layers(self) -> list[Tensor]:
        """The others."""
        return [value for name, value in self.named_parameters() if name not in ("own.weight", "pieces.weight")]


def shipped(
    network: Network, lexicon: Lexicon, slopes: NDArray[Any], shifts: NDArray[Any]
) -> Mapping[str, NDArray[Any]]:
    """The tensors to keep: tables in eight bits, the rest in sixteen, and the calibration in the last layer."""
    layers = {name: value.detach().numpy() for name, value in network.state_dict().items()}
    tensors: dict[str, NDArray[Any]] = {
        "words.keys": np.array(lexicon.word_keys, np.uint32),
        "pieces.keys": np.array(lexicon.piece_keys, np.uint32),
        "first.weight": layers["first.weight"].T.astype(np.float16),
        "first.bias": layers["first_bias"].astype(np.float32),
        "second.weight": layers["second.weight"].T.astype(np.float16),
        "hidden.weight": layers["hidden.weight"].T.astype(np.float16),
        "out.weight": (layers["out.weight"] * slopes[:, None]).T.astype(np.float16),
        "out.bias": (layers["out.bias"] * slopes + shifts).astype(np.float32),
        **{f"{name}.bias": layers[f"{name}.bias"].astype(np.float32) for name in ("second", "hidden")},
    }
    for name, rows in (("words", layers["own.weight"]), ("pieces", layers["pieces.weight"][: len(lexicon.piece_keys)])):
        scales = np.maximum(np.abs(rows).max(1), 1e-8) / 127
        tensors[f"{name}.scales"] = scales.astype(np.float32)
        tensors[f"{name}.rows"] = np.round(rows / tensors[f"{name}.scales"][:, None]).astype(np.int8)
    return {name: np.ascontiguousarray(value) for name, value in tensors.items()}
