"""Adapters that cost vLLM little on a CPU.

On a CPU vLLM copies the weights of its adapter for every token of a batch, which halves the rate of answers as soon as
one adapter is in use. And where every slot is taken it applies the last adapter to requests that named none, since it
looks for weights at the index -1. Here the tokens of a batch are grouped by adapter: one product of matrices each, and
none where an adapter leaves a layer as it is.
"""

from __future__ import annotations

from typing import Any

import torch
from vllm.lora.punica_wrapper.punica_cpu import PunicaWrapperCPU

Rows = slice | torch.Tensor
Groups = tuple[tuple[int, Rows], ...]


class GroupedLora(PunicaWrapperCPU):  # type: ignore[misc]
    """Applies adapters to the tokens that asked for them, one adapter at a time."""

    _groups: Groups = ()
    _sampled: Groups = ()

    def update_metadata(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        """Take note of which tokens of the next batch, and which that are sampled from, belong to which adapter."""
        super().update_metadata(*args, **kwargs)
        self._groups, self._sampled = _groups(self.token_lora_indices), _groups(self.sampler_indices)

    def add_lora_linear(
        self,
        y: torch.Tensor,
        x: torch.Tensor,
        lora_a_stacked: tuple[torch.Tensor, ...],
        lora_b_stacked: tuple[torch.Tensor, ...],
        scale: float,
        output_slices: tuple[int, ...],
        **kwargs: object,
    ) -> None:
        """Add to `y` (tokens, sum of `output_slices`) what the adapters make of `x` (tokens, inputs), in place.

        `lora_a_stacked` holds for each slice (slots, 1, rank, inputs), `lora_b_stacked` (slots, 1, slice, rank).
        """
        left = 0
        for a, b, width in zip(lora_a_stacked, lora_b_stacked, output_slices, strict=True):
            _change(y[:, left : left + width], x, a, b, scale, self._groups)
            left += width

    def add_lora_logits(
        self,
        y: torch.Tensor,
        x: torch.Tensor,
        lora_a_stacked: torch.Tensor,
        lora_b_stacked: torch.Tensor,
        scale: float,
        **kwargs: object,
    ) -> None:
        """Add to the logits `y` (sampled tokens, vocabulary) what the adapters make of `x` (the same, inputs)."""
        _change(y, x, lora_a_stacked, lora_b_stacked, scale, self._sampled)


def _change(y: torch.Tensor, x: torch.Tensor, a: torch.Tensor, b: torch.Tensor, scale: float, groups: Groups) -> None:
    for slot, rows in groups:
        # Most adapters leave most layers alone, and looking costs less than multiplying by nothing.
        if b[slot].any():
            _add(y, rows, (x[rows] @ a[slot, 0].T).mul_(scale) @ b[slot, 0].T)


def _groups(slots: torch.Tensor) -> Groups:
    return tuple((slot, _rows(slots == slot)) for slot in sorted(set(slots.tolist())) if slot >= 0)


def _rows(belongs: torch.Tensor) -> Rows:
    """The rows where `belongs` holds; as a slice where that is all of them, which copies nothing."""
    return slice(0, len(belongs)) if belongs.all() else belongs.nonzero().flatten()


def _add(y: torch.Tensor, rows: Rows, change: torch.Tensor) -> None:
    if isinstance(rows, slice):
        y[rows] += change
    else:
        y.index_add_(0, rows, change)
