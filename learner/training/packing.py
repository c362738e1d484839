"""Rows side by side as tensors: completions of one prompt share it, so that it is gone through once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch

from learner.tokens import Encoded


class Group(NamedTuple):
    """One prompt and its completions, as token ids; the unit that is gone through at once."""

    prompt: tuple[int, ...]
    completions: tuple[tuple[int, ...], ...]

    @property
    def tokens(self) -> int:
        """The prompt once, and every completion."""
        return len(self.prompt) + sum(map(len, self.completions))


class Packed(NamedTuple):
    """Groups padded on the right, each its prompt and then its completions one after the other.

    `ids` and `positions` have the shape (groups, tokens), `mask` (groups, 1, tokens, tokens); it is added to what
    attention scores, and None where the order of the tokens says it all. `sources` and `targets`, of the shape
    (completion tokens,), are the flat places whose hidden states predict, and what they should; `kept`, of the shape
    (rows, longest completion), says where in a table of rows these belong.
    """

    ids: torch.Tensor
    positions: torch.Tensor
    mask: torch.Tensor | None
    sources: torch.Tensor
    targets: torch.Tensor
    kept: torch.Tensor


def grouped(rows: Sequence[Encoded], share: int | None = None) -> list[Group]:
    """Rows in groups, in their order: every `share` of them, which must have one prompt, or all neighbours with one.

    Who keeps something by group must name `share`: neighbours change with every batch.
    """
    if share is not None:
        parts = (rows[begin : begin + share] for begin in range(0, len(rows), share))
        return [Group(tuple(part[0].prompt), tuple(tuple(row.completion) for row in part)) for part in parts]
    groups: list[Group] = []
    prompt: list[int] | None = None
    for row in rows:
        if groups and row.prompt == prompt:
            groups[-1] = Group(groups[-1].prompt, (*groups[-1].completions, tuple(row.completion)))
        else:
            groups.append(Group(tuple(row.prompt), (tuple(row.completion),)))
        prompt = row.prompt
    return groups


def pack(groups: Sequence[Group], dtype: torch.dtype, device: torch.device) -> Packed:
    """The tensors of `groups`; `dtype` is that of attention's scores."""
    width = max(group.tokens for group in groups)
    ids = torch.zeros(len(groups), width, dtype=torch.long)
    positions = torch.arange(width).repeat(len(groups), 1)
    branches = torch.full((len(groups), width), -1)  # which completion a token is of; -1 is the prompt
    sources: list[int] = []
    for place, (prompt, completions) in enumerate(groups):
        ids[place, : len(prompt)] = torch.tensor(prompt)
        begin, last = len(prompt), place * width + len(prompt) - 1
        for branch, completion in enumerate(completions):
            end = begin + len(completion)
            ids[place, begin:end] = torch.tensor(completion)
            positions[place, begin:end] = torch.arange(len(prompt), len(prompt) + len(completion))
            branches[place, begin:end] = branch
            sources += [last, *range(place * width + begin, place * width + end - 1)]
            begin = end
    lengths = torch.tensor([len(completion) for group in groups for completion in group.completions])
    kept = torch.arange(int(lengths.max())) < lengths[:, None]
    targets = torch.tensor([token for group in groups for completion in group.completions for token in completion])
    alone = all(len(group.completions) == 1 for group in groups)
    mask = None if alone else _mask(branches, dtype).to(device)
    flat = torch.tensor(sources)
    return Packed(ids.to(device), positions.to(device), mask, flat.to(device), targets.to(device), kept.to(device))


def _mask(branches: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """A token sees what is before it in the prompt and in its own completion."""
    width = branches.shape[1]
    of, seen = branches[:, :, None], branches[:, None, :]
    allowed = torch.ones(width, width, dtype=torch.bool).tril() & ((seen == -1) | (of == seen))
    return torch.zeros(allowed.shape, dtype=dtype).masked_fill_(~allowed, torch.finfo(dtype).min)[:, None]
