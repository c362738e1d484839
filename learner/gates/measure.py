"""Gathers the evidence for the gates: both models on the same pairs and the same questions, without any server."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

from learner.curate import Pair
from learner.gates.suite import Suite, suite_for
from learner.gates.verdict import Evidence, Measurement
from learner.sampling import sample
from learner.settings import LapSettings
from learner.tokens import Encoded, encode, prompt_ids

LOGP_TOKENS = 8192  # tokens of one batch, padding included
ANSWERS = 256  # completions generated side by side

Report = Callable[[int, int], None]


def gather(
    model: str, champion: Path | None, challenger: Path, pairs: Sequence[Pair], settings: LapSettings, report: Report
) -> Evidence:
    """Measure the champion, then the challenger. `champion` and `challenger` are adapter folders; None is the base.

    Each model is merged for the purpose, so that only one is in memory. Raises TimeoutError past `gate_seconds`.
    """
    suite = suite_for(model, pairs, settings)
    clock = _Clock(time.monotonic() + settings.gate_seconds, report, 2 * _steps(suite, settings))
    measured = [_measure(_Side(model, folder, settings, clock), pairs, suite) for folder in (champion, challenger)]
    return Evidence(measured[0], measured[1], [pair.person for pair in pairs])


class _Clock:
    """Counts generated tokens for the progress bar, and refuses to go on past the deadline."""

    def __init__(self, deadline: float, report: Report, of: int) -> None:
        self.deadline, self.report, self.of, self.done = deadline, report, of, 0

    def tick(self, steps: int) -> None:
        self.done = min(self.of, self.done + steps)
        self.report(self.done, self.of)
        if time.monotonic() > self.deadline:
            raise TimeoutError("the models took longer to compare than gate_seconds allows")


@dataclass
class _Side:
    """One of the two models, loaded."""

    model: Any
    tokenizer: Any
    settings: LapSettings
    clock: _Clock

    def __init__(self, model: str, adapter: Path | None, settings: LapSettings, clock: _Clock) -> None:
        device = "cuda" if torch.cuda.is_available() else "cpu"
        dtype = torch.bfloat16 if device == "cuda" else torch.float32
        self.tokenizer = AutoTokenizer.from_pretrained(model)
        if self.tokenizer.pad_token is None:
            self.tokenizer.pad_token = self.tokenizer.eos_token
        loaded = AutoModelForCausalLM.from_pretrained(model, dtype=dtype)
        if adapter is not None:
            loaded = PeftModel.from_pretrained(loaded, str(adapter)).merge_and_unload()
        self.model = loaded.to(device).eval()
        self.settings, self.clock = settings, clock


def _steps(suite: Suite, settings: LapSettings) -> int:
    return -(-len(suite.prompts) // ANSWERS) * settings.gate_max_tokens


def _measure(side: _Side, pairs: Sequence[Pair], suite: Suite) -> Measurement:
    begun = side.clock.done
    chosen = _logps(side, [encode(side.tokenizer, pair.prompt, pair.chosen) for pair in pairs])
    rejected = _logps(side, [encode(side.tokenizer, pair.prompt, pair.rejected) for pair in pairs])
    answers = [answer for batch in _batches(suite.prompts, ANSWERS) for answer in _answers(side, batch)]
    side.clock.tick(_steps(suite, side.settings) - (side.clock.done - begun))
    right = None
    if suite.is_right is not None:
        right = np.array([suite.is_right(number, text) for number, (text, _) in enumerate(answers)])
    return Measurement(chosen, rejected, np.array([float(length) for _, length in answers]), right)


def _batches(items: Sequence[Any], size: int) -> list[Sequence[Any]]:
    return [items[start : start + size] for start in range(0, len(items), size)]


@torch.inference_mode()
def _logps(side: _Side, rows: Sequence[Encoded]) -> NDArray[np.float64]:
    """Mean log p per completion token, shape (rows,), in nats; rows are cut to the model's length."""
    limit = side.settings.max_model_len
    order = sorted(range(len(rows)), key=lambda number: len(rows[number].prompt) + len(rows[number].completion))
    result = np.empty(len(rows))
    for batch in _batches(order, max(1, LOGP_TOKENS // limit)):
        result[list(batch)] = _batch_logps(side, [rows[number] for number in batch], limit)
        side.clock.tick(0)
    return result


def _batch_logps(side: _Side, rows: Sequence[Encoded], limit: int) -> NDArray[np.float64]:
    sequences = [torch.tensor((row.prompt + row.completion)[:limit]) for row in rows]
    ids = torch.nn.utils.rnn.pad_sequence(sequences, batch_first=True, padding_value=side.tokenizer.pad_token_id)
    position = torch.arange(ids.shape[1])
    ends = torch.tensor([len(sequence) for sequence in sequences])[:, None]
    starts = torch.tensor([len(row.prompt) for row in rows])[:, None]
    scored = ((position >= starts) & (position < ends))[:, 1:]
    device = side.model.device
    logits = side.model(input_ids=ids.to(device), attention_mask=(position < ends).long().to(device)).logits[:, :-1]
    logps = -torch.nn.functional.cross_entropy(
        logits.float().transpose(1, 2), ids[:, 1:].to(device), reduction="none"
    ).cpu()
    means = (logps * scored).sum(1) / scored.sum(1).clamp(min=1)
    return np.asarray(means.double().numpy())


def _answers(side: _Side, prompts: Sequence[Sequence[dict[str, str]]]) -> list[tuple[str, int]]:
    """One completion per prompt with its number of tokens, sampled as the model is served, with a fixed seed."""
    rows = sample(
        side.model,
        [prompt_ids(side.tokenizer, prompt) for prompt in prompts],
        most_tokens=side.settings.gate_max_tokens,
        seed=side.settings.seed,
        tick=lambda: side.clock.tick(1),
    )
    return [(side.tokenizer.decode(row, skip_special_tokens=True), len(row)) for row in rows]
