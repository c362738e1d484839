"""A model's answers without any server, as the gates ask: the base with an adapter merged into it, in this process."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

from learner.errors import EvaluationFailed
from learner.evaluate.row import Answer, Row
from learner.evaluate.suite import Suite
from learner.evaluate.talk import follow_up, opening
from learner.sampling import AT_ONCE, batches, sample
from learner.scoring import likelihoods
from learner.tokens import Encoded, encode, prompt_ids

Report = Callable[[int, int], None]  # (done, of)


class Offline:
    """The model, loaded once for all suites. `deadline` is a time of the monotonic clock."""

    def __init__(self, model: str, adapter: Path | None, deadline: float) -> None:
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        dtype = torch.bfloat16 if self._device == "cuda" else torch.float32
        self._tokenizer = AutoTokenizer.from_pretrained(model)
        loaded: Any = AutoModelForCausalLM.from_pretrained(model, dtype=dtype)
        if adapter is not None:
            loaded = PeftModel.from_pretrained(loaded, str(adapter)).merge_and_unload()
        self._model: Any = loaded.to(self._device).eval()
        self._sampling = (self._model.generation_config.do_sample, self._model.generation_config.temperature)
        self._limit = int(self._model.config.get_text_config().max_position_embeddings)
        self._deadline = deadline

    def answers(self, suite: Suite, report: Report) -> list[Answer]:
        """One for each row. Raises EvaluationFailed past the deadline, or where a prompt does not fit."""
        self._temper(suite.generation.temperature)
        talks = [opening(row, suite.generation) for row in suite.rows]
        said: list[Answer] = [Answer(()) for _ in suite.rows]
        for turn in range(1 + max(len(row.then) for row in suite.rows)):
            places = [place for place, row in enumerate(suite.rows) if turn <= len(row.then)]
            if turn:
                for place in places:
                    talks[place] += follow_up(said[place].texts[-1], suite.rows[place].then[turn - 1])
            self._turn(suite, places, talks, said, lambda done: report(done, len(suite.rows)))
        return self._rated(suite, said) if any("likelihoods" in metric.needs for metric in suite.metrics) else said

    def _temper(self, temperature: float | None) -> None:
        config = self._model.generation_config
        config.do_sample, config.temperature = self._sampling
        if temperature is not None:
            config.do_sample, config.temperature = temperature > 0, temperature or None

    def _turn(
        self,
        suite: Suite,
        places: Sequence[int],
        talks: Sequence[list[dict[str, str]]],
        said: list[Answer],
        report: Callable[[int], None],
    ) -> None:
        """Answer the last message of the talks at `places`, into `said`."""
        most, seed = suite.generation.max_tokens, suite.generation.seed
        prompts = [prompt_ids(self._tokenizer, talks[place]) for place in places]
        for place, prompt in zip(places, prompts, strict=True):
            if len(prompt) + most > self._limit:
                raise EvaluationFailed(
                    f"The row {suite.rows[place].id!r} of {suite.name} has {len(prompt)} tokens; with {most} for the "
                    f"answer that is more than the {self._limit} of the model. Shorten it, or lower max_tokens."
                )
        for number, batch in enumerate(batches([len(prompt) + most for prompt in prompts], AT_ONCE[self._device])):
            # The place of a row in its batch decides what is drawn for it, so a batch has a seed of its own.
            rows = sample(
                self._model, [prompts[at] for at in batch], most_tokens=most, seed=seed + number, tick=self._tick
            )
            for at, row in zip(batch, rows, strict=True):
                text = self._tokenizer.decode(row, skip_special_tokens=True).strip()
                known = said[places[at]]
                said[places[at]] = Answer(
                    (*known.texts, text), (*known.tokens, len(row)), (*known.ended, len(row) < most)
                )
            report(sum(bool(one.texts) for one in said))

    def _rated(self, suite: Suite, said: Sequence[Answer]) -> list[Answer]:
        """With how likely the model finds the references and both answers of a pair."""
        referred = [place for place, row in enumerate(suite.rows) if row.references]
        paired = [place for place, row in enumerate(suite.rows) if row.chosen and row.rejected]
        found = list(said)
        scored = self._likelihoods(suite, [(suite.rows[place], suite.rows[place].references[0]) for place in referred])
        for place, total, tokens in zip(referred, scored.sums, scored.tokens, strict=True):
            found[place] = replace(found[place], reference_logprob=float(total), reference_tokens=int(tokens))
        sides = [
            self._likelihoods(suite, [(suite.rows[place], str(getattr(suite.rows[place], side))) for place in paired])
            for side in ("chosen", "rejected")
        ]
        for place, chosen, rejected in zip(paired, sides[0].means, sides[1].means, strict=True):
            found[place] = replace(found[place], chosen_logprob=float(chosen), rejected_logprob=float(rejected))
        return found

    def _likelihoods(self, suite: Suite, pairs: Sequence[tuple[Row, str]]) -> Any:  # noqa: ANN401 - a Likelihoods
        rows: list[Encoded] = [encode(self._tokenizer, opening(row, suite.generation), text) for row, text in pairs]
        return likelihoods(self._model, rows, self._limit, self._tick)

    def _tick(self) -> None:
        if time.monotonic() > self._deadline:
            raise EvaluationFailed("The model took longer than --minutes allows; allow more, or ask fewer --rows.")
