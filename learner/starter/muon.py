"""Muon (Keller Jordan, 2024) for a CPU: matrices of one shape are orthogonalised together, in the arithmetic given.

PyTorch's own always does it in bfloat16 and one matrix at a time; on a CPU without the instructions for bfloat16 that
took nine tenths of a step.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable

import torch

COEFFICIENTS, ITERATIONS = (3.4445, -4.775, 2.0315), 5
EPSILON = 1e-7


class Muon(torch.optim.Optimizer):
    """Nesterov momentum, orthogonalised; `dtype` is that of the orthogonalisation.

    An update is scaled to the root mean square of AdamW's (Liu et al., arXiv:2502.16982), so that one learning rate
    serves both.
    """

    def __init__(
        self,
        matrices: Iterable[torch.nn.Parameter],
        *,
        lr: float,
        weight_decay: float,
        momentum: float = 0.95,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__(matrices, {"lr": lr, "weight_decay": weight_decay, "momentum": momentum})
        self._dtype = dtype

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Take one step on the gradients that are there."""
        for group in self.param_groups:
            for alike in _by_shape(group["params"]):
                updates = torch.stack([self._momentum(parameter, group["momentum"]) for parameter in alike])
                directions = orthogonal(updates.to(self._dtype)).float()
                rate = group["lr"] * 0.2 * math.sqrt(max(updates.shape[1:]))
                for parameter, direction in zip(alike, directions, strict=True):
                    parameter.mul_(1 - group["lr"] * group["weight_decay"]).sub_(direction, alpha=rate)

    def _momentum(self, parameter: torch.nn.Parameter, share: float) -> torch.Tensor:
        state, gradient = self.state[parameter], parameter.grad
        assert gradient is not None
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = torch.zeros_like(gradient)
        state["momentum_buffer"].lerp_(gradient, 1 - share)
        return gradient.lerp(state["momentum_buffer"], share)


def orthogonal(matrices: torch.Tensor) -> torch.Tensor:
    """About the nearest orthogonal matrix of each, shape (number, rows, columns), by Newton and Schulz's iteration."""
    if matrices.shape[1] > matrices.shape[2]:
        wide: torch.Tensor = orthogonal(matrices.mT)
        return wide.mT
    a, b, c = COEFFICIENTS
    found: torch.Tensor = matrices / matrices.norm(dim=(1, 2), keepdim=True).clamp(min=EPSILON)
    for _ in range(ITERATIONS):
        gram = found @ found.mT
        found = torch.baddbmm(found, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), found, beta=a)
    return found


def _by_shape(parameters: Iterable[torch.nn.Parameter]) -> list[list[torch.nn.Parameter]]:
    found: defaultdict[torch.Size, list[torch.nn.Parameter]] = defaultdict(list)
    for parameter in parameters:
        if parameter.grad is not None:
            found[parameter.shape].append(parameter)
    return list(found.values())
