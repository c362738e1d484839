"""Runs BERT and RoBERTa over several texts at once without padding, if wanted with int8 weights.

What a text waits for on a CPU is mostly that weights are read; texts that are laid end to end in one matrix share that.
Of the last layer only the first token of each text is worked out, since nothing else of it is read.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

ENGINES = ("onednn", "x86", "fbgemm", "qnnpack")  # the fastest first
FAMILIES = frozenset({"bert", "roberta", "xlm-roberta"})
Apply = Callable[[Tensor], Tensor]


def choose_engine() -> None:
    """Have PyTorch multiply int8 as fast as this machine can."""
    known = torch.backends.quantized.supported_engines
    torch.backends.quantized.engine = next(name for name in ENGINES if name in known)


def quantised(model: nn.Module) -> nn.Module:
    """The model with its linear layers in int8."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it will move to another package one day
        quantize: Any = torch.ao.quantization.quantize_dynamic
        return cast("nn.Module", quantize(model, {nn.Linear}, dtype=torch.qint8))


class Encoder:
    """A sequence classifier of one of the FAMILIES of transformers."""

    def __init__(self, model: Any, *, int8: bool) -> None:  # noqa: ANN401
        base = model.base_model
        self._embed, self._layers = base.embeddings, [_Layer(layer, int8) for layer in base.encoder.layer]
        pooler = getattr(base, "pooler", None)
        self._head: Apply = model.classifier if pooler is None else lambda first: model.classifier(pooler(first))

    def __call__(self, texts: Sequence[Sequence[int]]) -> Tensor:
        """The logits of each text, [texts, labels], of its token ids."""
        embedded = [self._embed(input_ids=torch.tensor([list(text)]))[0] for text in texts]
        sizes = [len(text) for text in texts]
        hidden = torch.cat(embedded)
        for layer in self._layers[:-1]:
            hidden = layer(hidden, sizes)
        return self._head(self._layers[-1](hidden, sizes, first_only=True).unsqueeze(1))


class _Layer:
    def __init__(self, layer: Any, int8: bool) -> None:  # noqa: ANN401
        own, out = layer.attention.self, layer.attention.output
        self._heads: int = own.num_attention_heads
        self._projected = _linear(int8, own.query, own.key, own.value)
        self._attended, self._norm = _linear(int8, out.dense), out.LayerNorm
        self._wide, self._act = _linear(int8, layer.intermediate.dense), layer.intermediate.intermediate_act_fn
        self._narrow, self._last_norm = _linear(int8, layer.output.dense), layer.output.LayerNorm

    def __call__(self, hidden: Tensor, sizes: Sequence[int], *, first_only: bool = False) -> Tensor:
        """[tokens, width], or with `first_only` [texts, width], of texts of these sizes."""
        parts = _split(self._projected(hidden), sizes)
        attended = torch.cat([self._attend(part, first_only) for part in parts])
        if first_only:
            hidden = torch.stack([part[0] for part in _split(hidden, sizes)])
        hidden = self._norm(self._attended(attended) + hidden)
        return cast("Tensor", self._last_norm(self._narrow(self._act(self._wide(hidden))) + hidden))

    def _attend(self, projected: Tensor, first_only: bool) -> Tensor:
        """Attention within one text, [tokens, width]."""
        tokens, width = len(projected), projected.shape[1] // 3
        query, key, value = projected.view(tokens, 3, self._heads, width // self._heads).permute(1, 2, 0, 3)
        if first_only:
            query = query[:, :1]
        scores = functional.softmax(query @ key.transpose(1, 2) * (width // self._heads) ** -0.5, -1)
        attended: Tensor = (scores @ value).transpose(0, 1).reshape(-1, width)
        return attended


def _split(rows: Tensor, sizes: Sequence[int]) -> tuple[Tensor, ...]:
    parts: tuple[Tensor, ...] = torch.split(rows, list(sizes))
    return parts


def _linear(int8: bool, *layers: nn.Linear) -> Apply:
    """One linear layer that gives what all of these give, side by side."""
    joined = nn.Linear(layers[0].in_features, sum(layer.out_features for layer in layers))
    joined.weight.data = torch.cat([layer.weight.data for layer in layers])
    joined.bias.data = torch.cat([layer.bias.data for layer in layers])
    return quantised(nn.Sequential(joined)) if int8 else joined
