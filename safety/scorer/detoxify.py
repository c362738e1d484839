"""Detoxify's models in the scorer: their scores, from int8 weights, of texts of any length."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import torch
import transformers
from torch import nn

from safety.errors import ScorerFailed
from safety.scorer.checkpoint import STANDARD, Checkpoint, read
from safety.scorer.options import ScorerOptions
from safety.scorer.weights import located, published, verified

OVERLAP = 64  # tokens that two parts of a long text share
MOST_TOKENS = 512
VERSION_DIGITS = 12


def load(options: ScorerOptions) -> DetoxifyModel:
    """Load what the options name. Raises ScorerFailed with the reason where that cannot be."""
    torch.set_num_threads(options.threads)
    path = located(options)
    try:
        with path.open("rb") as file:
            sha256 = verified(options, path, file)
            checkpoint = read(path, file)
    except OSError as error:
        raise ScorerFailed(f"{path} cannot be read: {error.strerror}") from None
    base = options.model_dir or checkpoint.base or published(options.detoxify).base
    version = f"{options.detoxify} {sha256[:VERSION_DIGITS]} {options.precision}"
    try:
        return _made(checkpoint, base, version, options)
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        told = str(error).strip().partition("\n")[0]
        raise ScorerFailed(f"no model can be made of {path} with the configuration and tokenizer of {base}: {told}") from None


def _made(checkpoint: Checkpoint, base: str, version: str, options: ScorerOptions) -> DetoxifyModel:
    local = {"local_files_only": not options.download, "trust_remote_code": False}
    config = transformers.AutoConfig.from_pretrained(base, **local)
    labels = checkpoint.labels or [
        STANDARD.get(config.id2label[at], config.id2label[at]) for at in range(config.num_labels)
    ]
    config.num_labels = len(labels)
    tokenizer = transformers.AutoTokenizer.from_pretrained(base, use_fast=True, **local)
    auto = transformers.AutoModelForSequenceClassification
    model = getattr(transformers, checkpoint.architecture)(config) if checkpoint.architecture else auto.from_config(config)
    _fill(model, checkpoint)
    model.eval()
    return DetoxifyModel(_int8(model) if options.precision == "int8" else model, tokenizer, labels, version)


def _fill(model: nn.Module, checkpoint: Checkpoint) -> None:
    # Old checkpoints have more than is used, such as counted positions, or a layer that was not read.
    missing, _ = model.load_state_dict(checkpoint.weights, strict=False)
    if missing:
        raise ValueError(f"it lacks {len(missing)} of the weights, such as {missing[0]}")


def _int8(model: nn.Module) -> nn.Module:
    engines = torch.backends.quantized.supported_engines
    torch.backends.quantized.engine = next(name for name in ("onednn", "x86", "fbgemm", "qnnpack") if name in engines)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it will move to another package one day
        return cast("nn.Module", torch.ao.quantization.quantize_dynamic(model, {nn.Linear}, dtype=torch.qint8))


class DetoxifyModel:
    """Scores as `Detoxify.predict` does, but reads a long text to its end: of each label the highest part counts."""

    def __init__(self, model: nn.Module, tokenizer: Any, labels: Sequence[str], version: str) -> None:  # noqa: ANN401
        self._model, self._tokenizer = model, tokenizer
        self.labels, self.version = tuple(labels), version
        config: Any = model.config
        # RoBERTa counts positions from behind the padding's.
        room = int(config.max_position_embeddings) - (2 if "roberta" in config.model_type else 0)
        self._longest = min(room, int(tokenizer.model_max_length), MOST_TOKENS)

    @torch.inference_mode()
    def score(self, texts: Sequence[str]) -> list[list[float]]:
        """The scores of each text, in the order of the labels."""
        scores: list[list[float]] = [[0.0] * len(self.labels) for _ in texts]
        for text, row in self._rows(texts):
            scores[text] = [max(pair) for pair in zip(scores[text], row, strict=True)]
        return scores

    def _rows(self, texts: Sequence[str]) -> list[tuple[int, list[float]]]:
        """The scores of every part, with the place of its text."""
        parts = self._tokenizer(
            list(texts),
            truncation=True,
            max_length=self._longest,
            stride=min(OVERLAP, self._longest // 4),
            return_overflowing_tokens=True,
        )
        owners = parts.pop("overflow_to_sample_mapping")
        rows: list[tuple[int, list[float]]] = []
        # One by one: what is scored beside a text would change its int8 scores, and on a CPU a batch gains little.
        for at, owner in enumerate(owners):
            inputs = {name: torch.tensor([values[at]]) for name, values in parts.items()}
            logits = self._model(**inputs)[0]
            rows.append((owner, torch.sigmoid(logits)[0].tolist()))
        return rows
