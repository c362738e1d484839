"""Log-probabilities of given tokens from hidden states, without the logits of a whole batch in memory."""

from __future__ import annotations

from typing import Any

import torch

CHUNK_BYTES = 32 << 20  # of logits at once, which stay in a CPU's last cache or cost a GPU nothing


class _TokenLogps(torch.autograd.Function):
    """log softmax(h Wᵀ)[target] for each row of h. Its gradient is the row's own factor times W[target] - p W.

    That vector is made in the forward pass while the chunk's probabilities are at hand, so the backward pass is one
    product by rows, and no logits are kept. The method is that of fused linear cross-entropy (Hsu et al., "Liger
    Kernel", arXiv:2410.10989).
    """

    @staticmethod
    def forward(context: Any, hidden: torch.Tensor, weight: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:  # noqa: ANN401
        wanted = hidden.requires_grad
        slopes = torch.empty_like(hidden) if wanted else None
        logps = torch.empty(len(hidden), dtype=torch.float32, device=hidden.device)
        step = max(1, CHUNK_BYTES // (4 * len(weight)))
        for begin in range(0, len(hidden), step):
            part = slice(begin, begin + step)
            logits = (hidden[part] @ weight.T).float()
            found = logits.gather(1, targets[part, None])
            norm = logits.logsumexp(1, keepdim=True)
            logps[part] = (found - norm)[:, 0]
            if slopes is not None:
                pulled = logits.sub_(norm).exp_().to(weight.dtype) @ weight
                slopes[part] = weight[targets[part]] - pulled
        if slopes is not None:
            context.save_for_backward(slopes)
        return logps

    @staticmethod
    def backward(context: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, None, None]:  # noqa: ANN401
        (slopes,) = context.saved_tensors
        return slopes * gradients[0][:, None].to(slopes.dtype), None, None


def token_logps(hidden: torch.Tensor, weight: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """log p of each of `targets`, in nats, shape (tokens,).

    `hidden` has the shape (tokens, width), `weight` (vocabulary, width) and no gradient.
    """
    found: torch.Tensor = _TokenLogps.apply(hidden, weight, targets)  # type: ignore[no-untyped-call]
    return found
