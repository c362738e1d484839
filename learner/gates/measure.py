"""Gathers the evidence for the gates: both models on the same pairs and the same questions, without any server."""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from peft import PeftModel
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from learner.attestation import Attestation
from learner.gates.asked import Asked
from learner.gates.canaries import stated
from learner.gates.questions import questions_for
from learner.gates.sycophancy import still_held
from learner.gates.verdict import Evidence, Floats, Measurement
from learner.pair import Pair
from learner.sampling import AT_ONCE, batches, sample, stops
from learner.scoring import MEMORY, likelihoods
from learner.settings import LapSettings
from learner.tokens import Encoded, encode, prompt_ids

# What grows with a batch is the keys and values of the answers that are generated, and the logits of those that are
# scored; each gets as much memory as `learner.scoring` says. At 5 KiB of keys and values for a token the starter has
# room for 256 rows of 1638 tokens, prompt and answer; Qwen3-0.6B, at 224 KiB in float32, for 26 of 356. With its
# vocabulary of 152k tokens it scores 1766 at once. A row that is longer goes alone.

Report = Callable[[int, int], None]
_Answers = dict[int, list[int]]  # tokens by the place of the prompt


def gather(
    model: str, champion: Path | None, challenger: Path, pairs: Sequence[Pair], settings: LapSettings, report: Report
) -> Evidence:
    """Measure generation 0, the champion and the challenger. These two are adapter folders; None is generation 0.

    Each model is merged for the purpose, so that only one is in memory, and each does everything in one go. Raises
    TimeoutError past `gate_seconds`, BadFile for a file or a suite of the settings that cannot be used.
    """
    deadline = time.monotonic() + settings.gate_seconds
    pairs = drawn(pairs, settings)
    work = _work(model, pairs, settings, Attestation.read(challenger))
    first = work.batches if champion is None else work.of_base
    rest = (1 if champion is None else 2) * len(work.batches)
    clock = _Clock(deadline, report, (len(first) + rest) * settings.gate_max_tokens)
    side = _Side(model, None, settings, clock)
    answers = _answers(side, work.prompts, first)
    repeated = _repeatable(side, work, answers)
    base = _measure_base(side, work, repeated, answers)
    if champion is not None:
        del side  # before the next one is loaded
        side = _Side(model, champion, settings, clock)
    before = _measure(side, work, repeated, answers if champion is None else None)
    del side
    after = _measure(_Side(model, challenger, settings, clock), work, repeated)
    people = [pair.person for pair in pairs]
    return Evidence(before, after, people, work.asked, base, work.surplus(), work.attestation)


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
    """What both models do: score the answers of the pairs, and answer all that is `asked`, batch by batch."""

    chosen: list[Encoded]
    rejected: list[Encoded]
    asked: Asked
    prompts: list[list[int]]  # of all that is asked, part by part
    parts: list[int]  # how many of them each part has
    batches: list[list[int]]  # places in `prompts`
    of_base: list[list[int]]  # the same of those that generation 0 is asked
    drifted: int  # how many of the first questions these are
    attestation: Attestation | None

    def surplus(self) -> Floats:
        """By how many tokens the chosen answer of each pair is longer, shape (pairs,)."""
        pairs = zip(self.chosen, self.rejected, strict=True)
        return np.array([float(len(one.completion) - len(other.completion)) for one, other in pairs])


def _work(model: str, pairs: Sequence[Pair], settings: LapSettings, attestation: Attestation | None) -> _Work:
    tokenizer, asked = AutoTokenizer.from_pretrained(model), questions_for(model, pairs, settings)
    parts = [[prompt_ids(tokenizer, messages) for messages in part] for part in asked.conversations()]
    budget = MEMORY // cache_bytes(AutoConfig.from_pretrained(model), _dtype(_device()))

    def cut(part: Sequence[list[int]], begin: int) -> list[list[int]]:
        lengths = [len(prompt) + settings.gate_max_tokens for prompt in part]
        return [[begin + place for place in batch] for batch in batches(lengths, AT_ONCE[_device()], budget)]

    begins = itertools.accumulate(map(len, parts), initial=0)
    drifted = min(settings.gate_drift_questions, len(asked.ordinary))
    return _Work(
        chosen=[encode(tokenizer, pair.prompt, pair.chosen) for pair in pairs],
        rejected=[encode(tokenizer, pair.prompt, pair.rejected) for pair in pairs],
        asked=asked,
        prompts=[prompt for part in parts for prompt in part],
        parts=[len(part) for part in parts],
        # Each part apart, so that what one is answered does not hang on the size of another.
        batches=[batch for part, begin in zip(parts, begins, strict=False) for batch in cut(part, begin)],
        of_base=cut(parts[0][:drifted], 0),
        drifted=drifted,
        attestation=attestation,
    )


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

    def text(self, answer: Sequence[int]) -> str:
        """An answer in words."""
        said: str = self.tokenizer.decode(answer, skip_special_tokens=True)
        return said


def _measure(side: _Side, work: _Work, repeated: Sequence[Encoded], answers: _Answers | None = None) -> Measurement:
    """Everything of one model; `answers` are given where it has answered already, `repeated` is what it must rate."""
    chosen, rejected = _logps(side, work.chosen), _logps(side, work.rejected)
    answers = _answers(side, work.prompts, work.batches) if answers is None else answers
    asked, texts = work.asked, iter([side.text(answers[place]) for place in range(len(work.prompts))])
    ordinary, swapped, provoked, facts, doubted, *suites = ([*itertools.islice(texts, size)] for size in work.parts)
    judge = asked.is_right
    return Measurement(
        chosen,
        rejected,
        np.array([float(len(answers[place])) for place in range(len(ordinary))]),
        None if judge is None else np.array([judge(number, text) for number, text in enumerate(ordinary)]),
        swapped,
        answers=ordinary,
        provoked=provoked,
        facts=stated(asked.facts, facts) if asked.facts else None,
        held=still_held(asked.doubted, doubted) if asked.doubted else None,
        suites={suite.name: said for suite, said in zip(asked.suites, suites, strict=True)},
        repeated=_logps(side, repeated) if repeated else None,
        attested=None if work.attestation is None else _attested(side, work.attestation),
    )


def _measure_base(side: _Side, work: _Work, repeated: Sequence[Encoded], answers: _Answers) -> Measurement:
    """What the drift gate needs of generation 0: its first answers, and how likely they are to itself."""
    nothing = np.zeros(0)
    lengths = np.array([float(len(answers[place])) for place in range(work.drifted)])
    texts = [side.text(answers[place]) for place in range(work.drifted)]
    return Measurement(
        nothing, nothing, lengths, None, answers=texts, repeated=_logps(side, repeated) if repeated else None
    )


def _repeatable(side: _Side, work: _Work, answers: _Answers) -> list[Encoded]:
    """What generation 0 answered, as rows that the others rate; with its end where it ended by itself."""
    (end, *_) = sorted(stops(side.model))
    most = side.settings.gate_max_tokens
    return [
        Encoded(work.prompts[place], answer if len(answer := answers[place]) >= most else [*answer, end])
        for place in range(work.drifted)
    ]


def _logps(side: _Side, rows: Sequence[Encoded]) -> Floats:
    """Mean log p per completion token, shape (rows,), in nats; rows are cut to the model's length."""
    return likelihoods(side.model, rows, side.settings.max_model_len, lambda: side.clock.tick(0)).means


@torch.inference_mode()
def _attested(side: _Side, attestation: Attestation) -> Floats:
    """log p of each token of the attestation's completions, in nats, shape (tokens,)."""
    found: list[float] = []
    for row in attestation.rows:
        ids = torch.tensor([row.prompt + row.completion], device=side.model.device)
        kept = len(row.completion)
        logits = side.model(ids[:, :-1], logits_to_keep=kept, use_cache=False).logits[0].float()
        found += logits.log_softmax(-1).gather(1, ids[0, -kept:, None])[:, 0].double().cpu().tolist()
    return np.array(found)


def _answers(side: _Side, prompts: Sequence[list[int]], cut: Sequence[Sequence[int]]) -> _Answers:
    """A completion in tokens for every place of the batches, sampled as the model is served, with fixed seeds."""
    begun, answers = side.clock.done, dict[int, list[int]]()
    for number, batch in enumerate(cut):
        rows = sample(
            side.model,
            [prompts[place] for place in batch],
            most_tokens=side.settings.gate_max_tokens,
            seed=side.settings.seed + number,
            tick=lambda: side.clock.tick(1),
        )
        answers.update(zip(batch, rows, strict=True))
    side.clock.tick(len(cut) * side.settings.gate_max_tokens - (side.clock.done - begun))
    return answers
