"""Samples completions side by side; a row leaves the batch when it ends, so that a long one holds up nobody."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from typing import Any

import torch
from transformers import (
    DynamicCache,
    LogitsProcessor,
    LogitsProcessorList,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

# Completions generated side by side, where memory allows. On a CPU a step moves the keys and values of all of them,
# padded to the longest prompt.
AT_ONCE = {"cpu": 64, "cuda": 256}


def batches(lengths: Sequence[int], most: int, tokens: int = sys.maxsize) -> list[list[int]]:
    """The places of `lengths`, the longest first, in batches of at most `most` rows.

    Padded to its longest row, a batch has at most `tokens` tokens, unless it is a single row.
    """
    order = sorted(range(len(lengths)), key=lambda place: -lengths[place])
    cut: list[list[int]] = []
    while order:
        rows = max(1, min(most, tokens // lengths[order[0]]))
        cut.append(order[:rows])
        order = order[rows:]
    return cut


@torch.inference_mode()
def sample(
    model: Any,  # noqa: ANN401
    prompts: Sequence[Sequence[int]],
    *,
    most_tokens: int,
    seed: int,
    tick: Callable[[], None] = lambda: None,
) -> list[list[int]]:
    """One completion per prompt, in tokens, without the end token that stopped it; `tick` hears of every step.

    Temperature, top-k, top-p and min-p are those of the model's generation config, greedy where it does not sample. A
    completion of `most_tokens` was cut off.
    """
    ends, warp = stops(model), _warpers(model)
    generator = torch.Generator(device=model.device).manual_seed(seed)
    ids, mask = _padded(prompts, model.device)
    rows, cache = list(range(len(prompts))), DynamicCache(config=model.config)
    said: list[list[int]] = [[] for _ in prompts]
    for _ in range(most_tokens):
        places = (mask.cumsum(1) - 1).clamp(min=0)[:, -ids.shape[1] :]
        # Only the last place is drawn from; the logits of whole prompts would be gigabytes with a large vocabulary.
        logits = model(
            input_ids=ids, attention_mask=mask, position_ids=places, past_key_values=cache, logits_to_keep=1
        ).logits[:, -1]
        drawn = _draw(warp, ids, logits.float(), generator)
        keep = [place for place, token in enumerate(drawn.tolist()) if token not in ends]
        for place in keep:
            said[rows[place]].append(int(drawn[place]))
        tick()
        if not keep:
            break
        kept = torch.tensor(keep, device=model.device)
        rows = [rows[place] for place in keep]
        if len(keep) < len(drawn):
            cache.batch_select_indices(kept)
        ids = drawn[kept][:, None]
        mask = torch.nn.functional.pad(mask[kept], (0, 1), value=1)
    return said


def _padded(prompts: Sequence[Sequence[int]], device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """The ids and the mask, padded on the left, each of shape (prompts, tokens)."""
    longest = max(map(len, prompts))
    ids = [[0] * (longest - len(prompt)) + list(prompt) for prompt in prompts]
    mask = [[0] * (longest - len(prompt)) + [1] * len(prompt) for prompt in prompts]
    return torch.tensor(ids, device=device), torch.tensor(mask, device=device)


def stops(model: Any) -> frozenset[int]:  # noqa: ANN401
    """The tokens that end an answer."""
    told = model.generation_config.eos_token_id
    return frozenset(told if isinstance(told, list) else [told])


def _warpers(model: Any) -> LogitsProcessorList | None:  # noqa: ANN401
    chosen = model.generation_config
    if not chosen.do_sample:
        return None
    warpers = LogitsProcessorList()
    if chosen.temperature not in (None, 0, 1):
        warpers.append(TemperatureLogitsWarper(float(chosen.temperature)))
    if chosen.top_k:
        warpers.append(TopKLogitsWarper(int(chosen.top_k)))
    if chosen.top_p is not None and chosen.top_p < 1:
        warpers.append(TopPLogitsWarper(float(chosen.top_p)))
    if chosen.min_p:
        warpers.append(_MinP(float(chosen.min_p)))
    return warpers


class _MinP(LogitsProcessor):  # type: ignore[misc]
    """Leaves the tokens that are at least `share` as likely as the likeliest (Nguyen et al., arXiv:2407.01082).

    That of transformers sorts the whole vocabulary, which takes longer than the model does.
    """

    def __init__(self, share: float) -> None:
        self._below = math.log(share)

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        return scores.masked_fill(scores < scores.amax(-1, keepdim=True) + self._below, -math.inf)


def _draw(
    warp: LogitsProcessorList | None, ids: torch.Tensor, logits: torch.Tensor, generator: torch.Generator
) -> torch.Tensor:
    if warp is None:
        return logits.argmax(-1)
    return torch.multinomial(warp(ids, logits).softmax(-1), 1, generator=generator)[:, 0]
