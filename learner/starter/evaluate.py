"""Measures a model against the exams, at the sampling settings that are served."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from learner.starter.exam import Question, follow_ups, handwritten, held_out_questions, questions, written
from learner.starter.score import score
from learner.starter.styles import STYLES, style_of

MOST_TOKENS = 220
OFTEN = 4  # how often each question beyond the shop is asked: they are few, and an invention is rare
BEYOND = frozenset({"out_of_scope", "unknown_detail"})

Report = Callable[[str, int, int], None]  # (exam, answered, of)


class Answer(NamedTuple):
    """What the model said, and whether it ended by itself."""

    text: str
    ended: bool


def evaluate(
    folder: Path, *, seed: int = 0, count: int = 600, report: Report = lambda exam, done, of: None
) -> dict[str, Any]:
    """Ask the model in `folder` every exam, `count` questions of those that are drawn, and return shares in [0, 1].

    right: wordings of the corpus; right_unseen: families of wording that it never uses; follow_up: second turns that
    need the first; right_handwritten: by somebody who had not seen the corpus; right_riddles: far-fetched ones, kept as
    a hard case; invented: of questions beyond the shop's facts, the answers that state something nobody told the model;
    styles: of all answers; ends_cleanly: of all answers, those that stop at the end token.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(str(folder))
    model = AutoModelForCausalLM.from_pretrained(str(folder), dtype=torch.float32).eval()
    exams: dict[str, list[Question]] = {
        "right": questions(seed, count),
        "right_unseen": held_out_questions(seed, count),
        "follow_up": follow_ups(seed, count),
        "right_handwritten": handwritten(),
        "right_riddles": _some(written("riddles"), seed, count),
    }
    said = {name: answers(model, tokenizer, asked, seed, partial(report, name)) for name, asked in exams.items()}
    result: dict[str, Any] = {
        name: _share(asked, said[name], lambda q, a: score(q.intent, a.text, q.order).right)
        for name, asked in exams.items()
    }
    beyond = OFTEN * [q for q in written("families") + handwritten() if q.intent in BEYOND]
    told = answers(model, tokenizer, beyond, seed, partial(report, "invented"))
    every = [answer for group in said.values() for answer in group] + told
    styles = Counter(style_of(answer.text) for answer in every)
    return {
        **result,
        "invented": _share(beyond, told, lambda q, a: bool(score(q.intent, a.text, q.order).invented)),
        "styles": {style: round(styles[style] / len(every), 4) for style in STYLES},
        "ends_cleanly": round(sum(answer.ended for answer in every) / len(every), 4),
        "questions": {**{name: len(asked) for name, asked in exams.items()}, "invented": len(beyond)},
    }


def answers(
    model: Any,  # noqa: ANN401
    tokenizer: Any,  # noqa: ANN401
    asked: Sequence[Question],
    seed: int,
    report: Callable[[int, int], None] = lambda done, of: None,
) -> list[Answer]:
    """One answer to each question, sampled as the model is served, without a server; `report` hears (answered, of)."""
    from learner.sampling import AT_ONCE, batches, sample
    from learner.tokens import prompt_ids

    prompts = [prompt_ids(tokenizer, question.messages) for question in asked]
    said: dict[int, Answer] = {}
    for places in batches([len(prompt) for prompt in prompts], AT_ONCE[model.device.type]):
        rows = sample(model, [prompts[place] for place in places], most_tokens=MOST_TOKENS, seed=seed + len(said))
        for place, row in zip(places, rows, strict=True):
            said[place] = Answer(tokenizer.decode(row, skip_special_tokens=True), len(row) < MOST_TOKENS)
        report(len(said), len(asked))
    return [said[place] for place in range(len(asked))]


def _some(asked: list[Question], seed: int, count: int) -> list[Question]:
    return random.Random(seed).sample(asked, min(count, len(asked)))


def _share(asked: Sequence[Question], answers: Sequence[Answer], holds: Callable[[Question, Answer], bool]) -> float:
    return round(sum(map(holds, asked, answers)) / len(asked), 4)
