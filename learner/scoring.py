"""How likely a model finds completions, and what it holds of them, in batches that are padded on the right."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from learner.sampling import batches
from learner.tokens import Encoded

# Tokens scored at once, padding included, where memory allows; on a CPU what stays in its caches is faster.
TOKENS = {"cpu": 2048, "cuda": 8192}
MEMORY = 2 << 30  # bytes, for the logits of a batch


class Likelihoods(NamedTuple):
    """For each row the sum of log p over its completion, in nats, and the tokens of that; both of shape (rows,)."""

    sums: NDArray[np.float64]
    tokens: NDArray[np.float64]

    @property
    def means(self) -> NDArray[np.float64]:
        """Mean log p per token, in nats."""
        return np.asarray(self.sums / np.maximum(self.tokens, 1))


@torch.inference_mode()
def likelihoods(
    model: Any,  # noqa: ANN401
    rows: Sequence[Encoded],
    limit: int,
    tick: Callable[[], None] = lambda: None,
) -> Likelihoods:
    """Score every completion; rows are cut to `limit` tokens, `tick` hears of every batch."""
    sums, tokens = np.empty(len(rows)), np.empty(len(rows))
    for batch in _batches(model, rows, limit):
        sums[batch], tokens[batch] = _scored(model, [rows[place] for place in batch], limit)
        tick()
    return Likelihoods(sums, tokens)


@torch.inference_mode()
def hidden_states(
    model: Any,  # noqa: ANN401
    rows: Sequence[Encoded],
    limit: int,
    tick: Callable[[], None] = lambda: None,
) -> NDArray[np.float32]:
    """The mean of the last layer over each completion, shape (rows, width)."""
    found = np.empty((len(rows), model.config.get_text_config().hidden_size), dtype=np.float32)
    for batch in _batches(model, rows, limit):
        padded = _Padded([rows[place] for place in batch], limit)
        states = model.base_model(**padded.inputs(model.device), use_cache=False).last_hidden_state.float().cpu()
        inside = padded.inside[:, :, None].float()
        found[batch] = ((states * inside).sum(1) / inside.sum(1).clamp(min=1)).numpy()
        tick()
    return found


class _Padded:
    """Rows side by side; `inside` tells which places are of the completion, shape (rows, tokens)."""

    def __init__(self, rows: Sequence[Encoded], limit: int) -> None:
        sequences = [torch.tensor((row.prompt + row.completion)[:limit]) for row in rows]
        self.ids = torch.nn.utils.rnn.pad_sequence(sequences, batch_first=True)
        position = torch.arange(self.ids.shape[1])
        ends = torch.tensor([len(sequence) for sequence in sequences])[:, None]
        starts = torch.tensor([len(row.prompt) for row in rows])[:, None]
        self.filled = position < ends
        self.inside = (position >= starts) & self.filled
        self.kept = max(1, self.ids.shape[1] - int(starts.min()))  # the places from the first completion on

    def inputs(self, device: Any, last: int | None = None) -> dict[str, torch.Tensor]:  # noqa: ANN401
        """What a model is given, up to the place `last`."""
        ids, mask = self.ids[:, :last], self.filled[:, :last].long()
        return {"input_ids": ids.to(device), "attention_mask": mask.to(device)}


def _batches(model: Any, rows: Sequence[Encoded], limit: int) -> list[list[int]]:  # noqa: ANN401
    lengths = [min(limit, len(row.prompt) + len(row.completion)) for row in rows]
    most = TOKENS[model.device.type]
    a_token = 8 * model.config.get_text_config().vocab_size  # bytes of its logits and of their log-softmax
    return batches(lengths, most, min(most, MEMORY // a_token))


def _scored(model: Any, rows: Sequence[Encoded], limit: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:  # noqa: ANN401
    padded = _Padded(rows, limit)
    targets = padded.ids[:, -padded.kept :]
    inputs = padded.inputs(model.device, last=-1)
    logits = model(**inputs, logits_to_keep=padded.kept, use_cache=False).logits
    losses = torch.nn.functional.cross_entropy(
        logits.float().flatten(0, 1), targets.flatten().to(model.device), reduction="none"
    )
    scored = padded.inside[:, -padded.kept :]
    sums = -(losses.view(targets.shape).cpu() * scored).sum(1)
    return np.asarray(sums.double().numpy()), np.asarray(scored.sum(1).double().numpy())
