"""Gathers the evidence for the gates: both models on the same pairs and the same questions, without any server."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from peft import PeftModel
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from learner.gates.suite import Suite, suite_for
from learner.gates.verdict import Evidence, Measurement
from learner.pair import Pair
from learner.sampling import AT_ONCE, batches, sample
from learner.scoring import MEMORY, likelihoods
from learner.settings import LapSettings
from learner.tokens import Encoded, Messages, encode, prompt_ids
from safety.bias import Prompt

# What grows with a batch is the keys and values of the answers that are generated, and the logits of those that are
# scored; each gets as much memory as `learner.scoring` says. At 5 KiB of keys and values for a token the starter has
# room for 256 rows of 1638 tokens, prompt and answer; Qwen3-0.6B, at 224 KiB in float32, for 26 of 356. With its
# vocabulary of 152k tokens it scores 1766 at once. A row that is longer goes alone.

Report = Callable[[int, int], None]


def gather(
    model: str, champion: Path | None, challenger: Path, pairs: Sequence[Pair], settings: LapSettings, report: Report
) -> Evidence:
    """Measure the champion, then the challenger. `champion` and `challenger` are adapter folders; None is the base.

    Each model is merged for the purpose, so that only one is in memory. Raises TimeoutError past `gate_seconds`.
    """
    deadline = time.monotonic() + settings.gate_seconds
    pairs = drawn(pairs, settings)
    work = _work(model, pairs, settings)
    clock = _Clock(deadline, report, 2 * work.steps)
    measured = [_measure(_Side(model, folder, settings, clock), work) for folder in (champion, challenger)]
    return Evidence(measured[0], measured[1], [pair.person for pair in pairs], work.suite.swaps)


def drawn(pairs: Sequence[Pair], settings: LapSettings) -> Sequence[Pair]:
    """All pairs, or as many of them as are enough, drawn at random."""
    enough = max(settings.gate_pairs, settings.gate_min_pairs)
    return pairs if len(pairs) <= enough else random.Random(settings.seed).sample(pairs, enough)


def cache_bytes(config: Any, dtype: torch.dtype) -> int:  # noqa: ANN401
    """The keys and values of one token in all layers together, in bytes."""
    text = config.get_text_config()
    heads = getattr(text, "num_key_value_heads", None) or text.num_attention_heads
    width = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
    return int(2 * text.num_hidden_layers * heads * width * dtype.itemsize)


@dataclass(frozen=True)
class _Work:
    """What both models do: score the answers of the pairs, and answer the questions of `suite`, batch by batch."""

    chosen: list[Encoded]
    rejected: list[Encoded]
    suite: Suite
    prompts: list[list[int]]  # of the suite, and then of its swaps
    batches: list[list[int]]  # places in `prompts`
    steps: int  # tokens of every batch, were its longest answer cut off


def _work(model: str, pairs: Sequence[Pair], settings: LapSettings) -> _Work:
    tokenizer, suite = AutoTokenizer.from_pretrained(model), suite_for(model, pairs, settings)
    asked, swapped = (
        [prompt_ids(tokenizer, messages) for messages in part]
        for part in (suite.prompts, [_plain(swap) for swap in suite.swaps])
    )
    budget = MEMORY // cache_bytes(AutoConfig.from_pretrained(model), _dtype(_device()))
    # Apart, so that what the suite is answered does not hang on how many swaps there are.
    cut = [
        [begin + place for place in batch]
        for begin, part in ((0, asked), (len(asked), swapped))
        for batch in batches([len(prompt) + settings.gate_max_tokens for prompt in part], AT_ONCE[_device()], budget)
    ]
    return _Work(
        chosen=[encode(tokenizer, pair.prompt, pair.chosen) for pair in pairs],
        rejected=[encode(tokenizer, pair.prompt, pair.rejected) for pair in pairs],
        suite=suite,
        prompts=[*asked, *swapped],
        batches=cut,
        steps=len(cut) * settings.gate_max_tokens,
    )


def _plain(swap: Prompt) -> Messages:
    return [dict(message) for message in swap.messages]


class _Clock:
    """Counts generated tokens for the progress bar, and refuses to go on past the deadline."""

    def __init__(self, deadline: float, report: Report, of: int) -> None:
        self.deadline, self.report, self.of, self.done = deadline, report, of, 0

    def tick(self, steps: int) -> None:
        self.done = min(self.of, self.done + steps)
        self.report(self.done, self.of)
        if time.monotonic() > self.deadline:
            raise TimeoutError("the models took longer to compare than gate_seconds allows")


def _device() -> str:
    return "cuda" if torch.cuda.is_available() else "cpu"


def _dtype(device: str) -> torch.dtype:
    return torch.bfloat16 if device == "cuda" else torch.float32


@dataclass
class _Side:
    """One of the two models, loaded."""

    model: Any
    tokenizer: Any
    settings: LapSettings
    clock: _Clock

    def __init__(self, model: str, adapter: Path | None, settings: LapSettings, clock: _Clock) -> None:
        device = _device()
        self.tokenizer = AutoTokenizer.from_pretrained(model)
        loaded = AutoModelForCausalLM.from_pretrained(model, dtype=_dtype(device))
        if adapter is not None:
            loaded = PeftModel.from_pretrained(loaded, str(adapter)).merge_and_unload()
        self.model = loaded.to(device).eval()
        self.settings, self.clock = settings, clock


def _measure(side: _Side, work: _Work) -> Measurement:
    begun = side.clock.done
    chosen, rejected = _logps(side, work.chosen), _logps(side, work.rejected)
    answers = _answers(side, work)
    side.clock.tick(work.steps - (side.clock.done - begun))
    texts = [side.tokenizer.decode(answer, skip_special_tokens=True) for answer in answers]
    right, asked = None, len(work.suite.prompts)
    if work.suite.is_right is not None:
        right = np.array([work.suite.is_right(number, text) for number, text in enumerate(texts[:asked])])
    lengths = np.array([float(len(answer)) for answer in answers[:asked]])
    return Measurement(chosen, rejected, lengths, right, texts[asked:])


def _logps(side: _Side, rows: Sequence[Encoded]) -> NDArray[np.float64]:
    """Mean log p per completion token, shape (rows,), in nats; rows are cut to the model's length."""
    return likelihoods(side.model, rows, side.settings.max_model_len, lambda: side.clock.tick(0)).means


def _answers(side: _Side, work: _Work) -> list[list[int]]:
    """A completion in tokens for every question, sampled as the model is served, with fixed seeds."""
    answers: list[list[int]] = [[] for _ in work.prompts]
    for number, batch in enumerate(work.batches):
        rows = sample(
            side.model,
            [work.prompts[place] for place in batch],
            most_tokens=side.settings.gate_max_tokens,
            seed=side.settings.seed + number,
            tick=lambda: side.clock.tick(1),
        )
        for place, row in zip(batch, rows, strict=True):
            answers[place] = row
    return answers
