"""Scores turns of the store for a lap, with the models at hand: see `learner.active.priority` for what is measured."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

from learner.active.acquire import Pool, gains
from learner.active.priority import Parts, ranks, write
from learner.active.probe import Components, Floats, Probe
from learner.pair import Pair
from learner.sampling import AT_ONCE, batches, sample
from learner.scoring import hidden_states, likelihoods
from learner.settings import LapSettings
from learner.tokens import encode, prompt_ids
from learner.trust.texts import clusters, prompt_text

LEAST_PAIRS = 40  # below that a reward model knows nothing
Messages = Sequence[dict[str, str]]
_TURNS = """
    SELECT turn.turn_id, turn.messages, reply.completion, reply.logprob, reply.completion_tokens
    FROM '{0}/turn.parquet' AS turn JOIN '{0}/reply.parquet' AS reply USING (turn_id)
    WHERE turn.person_group = 'learn' AND reply.finish_reason = 'stop' AND turn.sibling_of IS NULL
      AND len(trim(reply.completion)) > 0
      AND turn.conversation_id NOT IN (
          SELECT conversation_id FROM '{0}/conversation.parquet' WHERE action IN ('delete', 'temporary'))
    ORDER BY turn.seq DESC LIMIT {1}
"""


@dataclass(frozen=True)
class Asked:
    """A turn of the learn group: what was asked and answered, and log p per token where it was recorded."""

    turn_id: str
    messages: Messages
    answer: str
    logged: float | None


def rank(
    folder: Path,
    model: str,
    champion: Path | None,
    challenger: Path | None,
    pairs: Sequence[Pair],
    settings: LapSettings,
    report: Callable[[int, int], None],
) -> int:
    """Score the newest `active_turns` turns in the run's folder, write them there, and return how many they are.

    The champion answers each question once more, and a linear reward model of `pairs` compares the two answers. Without
    a `challenger`, or with too few pairs, those parts are left out.
    """
    asked = turns(folder / "events", settings.active_turns)
    if not asked:
        return 0
    tokenizer = AutoTokenizer.from_pretrained(model)
    base = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32).eval()
    served = _merged(base, champion)
    report(1, 4)
    limit = settings.max_model_len
    encoded = [encode(tokenizer, one.messages, one.answer) for one in asked]
    means = likelihoods(served, encoded, limit).means
    uncertainty: list[float | None] = [
        -float(mean) if one.logged is None else -one.logged for one, mean in zip(asked, means, strict=True)
    ]
    report(2, 4)
    apart: list[float | None] = [None] * len(asked)
    if challenger is not None:
        apart = [float(gap) for gap in np.abs(likelihoods(_merged(base, challenger), encoded, limit).means - means)]
    report(3, 4)
    value, margin = _compared(served, tokenizer, asked, pairs, settings)
    often: list[float | None] = [float(share) for share in _traffic([prompt_text(one.messages) for one in asked])]
    columns = [ranks(column) for column in (value, margin, uncertainty, apart, often)]
    parts = [Parts(*row) for row in zip(*columns, strict=True)]
    write(folder, [(one.turn_id, one.messages[-1]["content"], part) for one, part in zip(asked, parts, strict=True)])
    report(4, 4)
    return len(asked)


def turns(events: Path, most: int) -> list[Asked]:
    """The newest answered turns of the learn group, one for each question and its regenerated answers."""
    sql = _TURNS.format(str(events).replace("'", "''"), most)
    with duckdb.connect() as connection:
        rows = connection.execute(sql).fetchall()
    return [
        Asked(turn_id, json.loads(messages), answer, logprob / tokens if logprob is not None and tokens else None)
        for turn_id, messages, answer, logprob, tokens in rows
    ]


def _merged(base: Any, adapter: Path | None) -> Any:  # noqa: ANN401
    return base if adapter is None else PeftModel.from_pretrained(deepcopy(base), str(adapter)).merge_and_unload()


def _compared(
    model: Any,  # noqa: ANN401
    tokenizer: Any,  # noqa: ANN401
    asked: Sequence[Asked],
    pairs: Sequence[Pair],
    settings: LapSettings,
) -> tuple[list[float | None], list[float | None]]:
    """For each turn the information of a label, and minus how sure the reward model is of which answer is better."""
    if len(pairs) < LEAST_PAIRS:
        return [None] * len(asked), [None] * len(asked)
    again = answered_again(model, tokenizer, [one.messages for one in asked], settings)

    def differences(rows: Sequence[tuple[Messages, str, str]]) -> Floats:
        ones = [encode(tokenizer, prompt, one) for prompt, one, _ in rows]
        others = [encode(tokenizer, prompt, other) for prompt, _, other in rows]
        first, second = (hidden_states(model, side, settings.max_model_len) for side in (ones, others))
        return np.asarray(first - second, dtype=np.float64)

    taught = differences([(pair.prompt, pair.chosen, pair.rejected) for pair in pairs])
    new = differences([(one.messages, one.answer, other) for one, other in zip(asked, again, strict=True)])
    components = Components.of(np.concatenate([taught, new]))
    # Which side stands first says nothing: every other pair is turned around.
    sign = np.where(np.arange(len(pairs)) % 2, -1.0, 1.0)
    weights = np.array([pair.weight for pair in pairs])
    probe = Probe.fit(components(taught) * sign[:, None], (sign > 0).astype(np.float64), weights)
    rows = components(new)
    pool = Pool(rows, np.zeros(len(rows)), np.ones(len(rows)))
    sure = np.abs(probe.probabilities(rows) - 0.5)
    return [float(gain) for gain in gains(pool, probe)], [-float(value) for value in sure]


def answered_again(
    model: Any,  # noqa: ANN401
    tokenizer: Any,  # noqa: ANN401
    prompts: Sequence[Messages],
    settings: LapSettings,
    seed: int = 0,
) -> list[str]:
    """One answer to each prompt, sampled as the model is served."""
    ids = [prompt_ids(tokenizer, prompt) for prompt in prompts]
    said = [""] * len(ids)
    for number, batch in enumerate(batches([len(row) for row in ids], AT_ONCE[model.device.type])):
        rows = [ids[place] for place in batch]
        told = sample(model, rows, most_tokens=settings.gate_max_tokens, seed=settings.seed + 7919 * seed + number)
        for place, row in zip(batch, told, strict=True):
            said[place] = tokenizer.decode(row, skip_special_tokens=True)
    return said


def _traffic(texts: Sequence[str]) -> Floats:
    """The share of the questions that are near-duplicates of each, shape (texts,)."""
    numbers = clusters(texts)
    counts = np.bincount(numbers, minlength=len(numbers))
    return np.array([counts[number] / len(numbers) for number in numbers])
