"""What DPO buys: the true satisfaction of simulated people before and after, side by side for several settings.

The limit is the people's own noise: a share of them likes what the others do not, and a share of what they say is
flipped. Run as: ./ratchet bench dpo --try dpo_beta=0.5 --try "dpo_beta=1 dpo_epochs=6" --json
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import fields, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

from chatbot.settings import Settings
from learner.lessons import Lessons
from learner.pair import Pair
from learner.recipes.dpo import train
from learner.recipes.task import task
from learner.settings import LapSettings
from learner.simulate.people import Person
from learner.simulate.plan import PLANS, Size
from learner.simulate.taste import Taste, load_taste
from learner.starter import MODEL_DIR, STYLES, Question, held_out_questions, questions, score, style_of
from learner.starter.evaluate import Answer, answers


def pairs(asked: Sequence[Question], both: Sequence[tuple[Answer, Answer]], taste: Taste, seed: int) -> list[Pair]:
    """What people make of two answers to each question: a comparison, or now and then a rewrite of the first."""
    rng, made, habits = random.Random(seed), [], taste.habits
    rewrites = habits.rewrites / (habits.rewrites + habits.comparisons)
    for number, (question, said) in enumerate(zip(asked, both, strict=True)):
        first, second = (answer.text for answer in said)
        person = Person.draw(taste, "honest", seed=seed * 1_000_003 + number)
        if rng.random() < rewrites:
            source, chosen, rejected = "rewrite", person.rewrite(question), first
        else:
            ahead = person.prefers_first(question, first, second)
            source, chosen, rejected = "comparison", *((first, second) if ahead else (second, first))
        if chosen != rejected:
            made.append(Pair(f"turn-{number}", f"p-{number}", question.messages, chosen, rejected, source))  # type: ignore[arg-type]
    return made


def measured(asked: Sequence[Question], said: Sequence[Answer], taste: Taste, seed: int) -> dict[str, Any]:
    """True satisfaction, right answers, words and styles."""
    people = [Person.draw(taste, "honest", seed=seed * 1_000_003 + number) for number in range(len(asked))]
    styles = Counter(style_of(answer.text) for answer in said)
    return {
        "satisfaction": _mean([p.satisfaction(q, a.text) for p, q, a in zip(people, asked, said, strict=True)]),
        "right": _mean([score(q.intent, a.text, q.order).right for q, a in zip(asked, said, strict=True)]),
        "words": _mean([len(a.text.split()) for a in said]),
        "styles": {style: round(styles[style] / len(said), 3) for style in STYLES},
    }


def settings_of(words: str) -> LapSettings:
    """The settings of a lap with `words` such as "dpo_beta=0.5 dpo_epochs=4" on top."""
    known = {field.name: field for field in fields(LapSettings)}
    given = {}
    for word in words.split():
        name, _, value = word.partition("=")
        if name not in known:
            raise typer.BadParameter(f"a lap has no setting {name!r}", param_hint="--try")
        given[name] = type(getattr(LapSettings(), name))(value)
    return replace(LapSettings(train_threads=2), **given)


def measure(
    tries: Sequence[str], size: Size, taste_name: str, count: int, asked_count: int, seed: int
) -> dict[str, Any]:
    """The base, and the adapter of each of the `tries`, on the same pairs and the same unseen questions."""
    taste = PLANS[size].taste(load_taste(taste_name))
    tokenizer = AutoTokenizer.from_pretrained(MODEL_DIR)
    model = AutoModelForCausalLM.from_pretrained(MODEL_DIR, dtype=torch.float32).eval()
    asked, unseen = questions(seed, count), held_out_questions(seed, asked_count)
    first = answers(model, tokenizer, asked, seed + 10_000)
    both = list(zip(first, answers(_asked_again(model), tokenizer, asked, seed + 20_000), strict=True))
    learn = pairs(asked, both, taste, seed)
    base = measured(unseen, answers(model, tokenizer, unseen, seed), taste, seed)
    result: dict[str, Any] = {"pairs": len(learn), "questions": asked_count, "base": base}
    _say(f"base: {base}")
    for words in tries:
        result[words] = _tried(model, tokenizer, learn, unseen, taste, settings_of(words), seed)
        _say(f"{words}: {result[words]}")
    return result


def _tried(
    model: Any,  # noqa: ANN401
    tokenizer: Any,  # noqa: ANN401
    learn: Sequence[Pair],
    unseen: Sequence[Question],
    taste: Taste,
    settings: LapSettings,
    seed: int,
) -> dict[str, Any]:
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "adapter"
        until = time.monotonic() + 3600
        train(task(str(MODEL_DIR), "starter", Lessons(learn), Path(folder), settings, until, lambda step, of: None))
        seconds = time.monotonic() - began
        tuned = PeftModel.from_pretrained(deepcopy(model), str(out)).merge_and_unload()
    found = measured(unseen, answers(tuned, tokenizer, unseen, seed), taste, seed)
    return {**found, "train_seconds": round(seconds, 1)}


def _asked_again(model: Any) -> Any:  # noqa: ANN401
    again = deepcopy(model)
    again.generation_config.temperature = Settings.load({}, {}).number("sibling_temperature")
    return again


def _mean(values: Sequence[float]) -> float:
    return round(float(np.mean(values)), 3)


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")


def main(
    tries: Annotated[list[str] | None, typer.Option("--try", help="Settings of a lap, such as dpo_beta=0.5.")] = None,
    size: Annotated[Size, typer.Option(help="The demo whose people are asked.")] = "small",
    taste: Annotated[str, typer.Option(help="What they like.")] = "default",
    count: Annotated[int, typer.Option("--pairs", help="Questions to which people compare two answers.")] = 110,
    asked: Annotated[int, typer.Option("--questions", help="Unseen questions to measure with.")] = 400,
    seed: Annotated[int, typer.Option(help="Seed of everything.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, last.")] = False,
) -> None:
    """Measure what DPO does to satisfaction and to right answers."""
    result = measure(tries or [""], size, taste, count, asked, seed)
    if as_json:
        print(json.dumps(result))


if __name__ == "__main__":
    typer.run(main)
