"""Detoxify's models in the scorer: their scores, from int8 weights, of texts of any length."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
import transformers
from torch import Tensor, nn

from safety.errors import ScorerFailed
from safety.scorer.checkpoint import STANDARD, Checkpoint, read
from safety.scorer.encoder import FAMILIES, Encoder, choose_engine, quantised
from safety.scorer.options import ScorerOptions
from safety.scorer.weights import located, published, verified

OVERLAP = 64  # tokens that two parts of a long text share
MOST_TOKENS = 512
BATCH_TOKENS = 256  # scored together: from here on more of them gain nothing
VERSION_DIGITS = 12
Forward = Callable[[Sequence[Sequence[int]]], Tensor]  # token ids of texts -> logits, [texts, labels]


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
        raise ScorerFailed(
            f"no model can be made of {path} with the configuration and tokenizer of {base}: {told}"
        ) from None


def _made(checkpoint: Checkpoint, base: str, version: str, options: ScorerOptions) -> DetoxifyModel:
    local = {"local_files_only": not options.download, "trust_remote_code": False}
    config = transformers.AutoConfig.from_pretrained(base, **local)
    labels = checkpoint.labels or [
        STANDARD.get(config.id2label[at], config.id2label[at]) for at in range(config.num_labels)
    ]
    config.num_labels = len(labels)
    tokenizer = transformers.AutoTokenizer.from_pretrained(base, use_fast=True, **local)
    auto = transformers.AutoModelForSequenceClassification
    model = (
        getattr(transformers, checkpoint.architecture)(config) if checkpoint.architecture else auto.from_config(config)
    )
    _fill(model, checkpoint)
    model.eval()
    return DetoxifyModel(model, tokenizer, labels, version, int8=options.precision == "int8")


def _fill(model: nn.Module, checkpoint: Checkpoint) -> None:
    # Old checkpoints have more than is used, such as counted positions, or a layer that was not read.
    missing, _ = model.load_state_dict(checkpoint.weights, strict=False)
    if missing:
        raise ValueError(f"it lacks {len(missing)} of the weights, such as {missing[0]}")


class DetoxifyModel:
    """Scores as `Detoxify.predict` does, but reads a long text to its end: of each label the highest part counts."""

    def __init__(self, model: Any, tokenizer: Any, labels: Sequence[str], version: str, *, int8: bool) -> None:  # noqa: ANN401
        self._tokenizer, self._forward = tokenizer, _forward(model, int8)
        self.labels: Sequence[str] = tuple(labels)
        self.version = version
        # RoBERTa counts positions from behind the padding's.
        room = int(model.config.max_position_embeddings) - (2 if "roberta" in model.config.model_type else 0)
        self._longest = min(room, int(tokenizer.model_max_length), MOST_TOKENS)

    @torch.inference_mode()
    def score(self, texts: Sequence[str]) -> list[list[float]]:
        """The scores of each text, in the order of the labels."""
        scores: list[list[float]] = [[0.0] * len(self.labels) for _ in texts]
        owners, parts = self._parts(texts)
        for batch in _batches([len(part) for part in parts]):
            rows: list[list[float]] = torch.sigmoid(self._forward([parts[at] for at in batch])).tolist()
            for at, row in zip(batch, rows, strict=True):
                scores[owners[at]] = [max(pair) for pair in zip(scores[owners[at]], row, strict=True)]
        return scores

    def _parts(self, texts: Sequence[str]) -> tuple[list[int], list[list[int]]]:
        """The token ids of every part of the texts, and before them the place of the text that each is of."""
        read = self._tokenizer(
            list(texts),
            truncation=True,
            max_length=self._longest,
            stride=min(OVERLAP, self._longest // 4),
            return_overflowing_tokens=True,
        )
        return read["overflow_to_sample_mapping"], read["input_ids"]


def _batches(sizes: Sequence[int]) -> Iterator[list[int]]:
    """Places of parts that are scored together, so that none takes long."""
    batch: list[int] = []
    for at, size in enumerate(sizes):
        if batch and sum(sizes[one] for one in batch) + size > BATCH_TOKENS:
            yield batch
            batch = []
        batch.append(at)
    yield batch


def _forward(model: Any, int8: bool) -> Forward:  # noqa: ANN401
    if int8:
        choose_engine()
    if model.config.model_type in FAMILIES:
        return Encoder(model, int8=int8)
    whole: Any = quantised(model) if int8 else model
    return lambda texts: torch.cat([whole(input_ids=torch.tensor([list(text)]))[0] for text in texts])
