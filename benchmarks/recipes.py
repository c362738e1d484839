"""What a recipe buys: simulated people before and after, on questions and on pairs that it was not trained on.

One cell is a recipe and a seed; cells that a file holds already are not measured again, so that a table can be filled
command by command. Run as: ./ratchet bench recipes --recipe rloo --seed 0 --cells cells.jsonl --json
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

from benchmarks.dpo import _asked_again, measured, pairs
from learner.gates.measure import _Clock, _logps, _Side
from learner.lessons import Lessons
from learner.pair import Pair
from learner.pair_files import read_pairs, write_pairs
from learner.recipes import RECIPES
from learner.recipes.task import task
from learner.settings import LapSettings
from learner.simulate.people import Person
from learner.simulate.plan import PLANS, Size
from learner.simulate.taste import Taste, load_taste
from learner.starter import MODEL_DIR, Question, held_out_questions, questions
from learner.starter.evaluate import Answer, answers
from learner.tokens import encode

DRAWS = 4000


def measure(
    recipe: str, size: Size, taste_name: str, count: int, asked: int, seed: int, words: str, kept: Path | None
) -> dict[str, Any]:
    """One cell: trained on the pairs of `count` questions, measured on `asked` others and others' pairs."""
    taste = PLANS[size].taste(load_taste(taste_name))
    tokenizer = AutoTokenizer.from_pretrained(MODEL_DIR)
    model = AutoModelForCausalLM.from_pretrained(MODEL_DIR, dtype=torch.float32).eval()
    learn, held = (
        _kept(
            kept and kept.with_name(f"pairs-{size}-{taste_name}-{many}-{of}.parquet"),
            _pairs,
            model,
            tokenizer,
            taste,
            many,
            of,
        )
        for many, of in ((count, seed), (max(60, count // 4), seed + 500))
    )
    unseen = held_out_questions(seed, asked)
    settings = LapSettings(train_threads=1, seed=seed, recipe_settings=words)
    settings = replace(settings, recipe=recipe)  # type: ignore[arg-type]
    with tempfile.TemporaryDirectory() as folder:
        began = time.monotonic()
        job = task(str(MODEL_DIR), "starter", Lessons(learn), Path(folder), settings, began + 3600, _say_step)
        done = RECIPES[recipe].train(job)
        seconds = time.monotonic() - began
        cell: dict[str, Any] = {"pairs": len(learn), "seconds": round(seconds, 1), "steps": done.steps}
        cell["detail"] = {key: value for key, value in done.detail.items() if key != "people"}
        if RECIPES[recipe].makes == "adapter":
            before = answers(model, tokenizer, unseen, seed)
            cell["held_out_before"] = _accuracy(None, held, settings)
            cell["held_out_after"] = _accuracy(job.out, held, settings)
            tuned = PeftModel.from_pretrained(model, str(job.out)).merge_and_unload()
            after = answers(tuned, tokenizer, unseen, seed)
            cell["before"], cell["after"] = (measured(unseen, said, taste, seed) for said in (before, after))
            cell["gain"] = _gain(unseen, before, after, taste, seed)
    return cell


def _kept(path: Path | None, make: Any, *given: Any) -> list[Pair]:  # noqa: ANN401
    """The pairs of the file, which is made where it is not there: cells of one seed share them."""
    if path is None or not path.exists():
        made: list[Pair] = make(*given)
        if path is not None:
            write_pairs(made, path)
        return made
    return read_pairs(path)


def _pairs(model: Any, tokenizer: Any, taste: Taste, count: int, seed: int) -> list[Pair]:  # noqa: ANN401
    asked = questions(seed, count)
    first = answers(model, tokenizer, asked, seed + 10_000)
    second = answers(_asked_again(model), tokenizer, asked, seed + 20_000)
    found = pairs(asked, list(zip(first, second, strict=True)), taste, seed)
    return [replace(pair, person=f"{seed}-{pair.person}") for pair in found]


def _accuracy(adapter: Path | None, held: Sequence[Pair], settings: LapSettings) -> float:
    """The share of pairs whose chosen answer has more log p per token, as the gate counts it."""
    side = _Side(str(MODEL_DIR), adapter, settings, _Clock(time.monotonic() + 3600, lambda done, of: None, 1))
    chosen, rejected = (
        _logps(side, [encode(side.tokenizer, pair.prompt, text) for pair, text in zip(held, texts, strict=True)])
        for texts in ([pair.chosen for pair in held], [pair.rejected for pair in held])
    )
    return round(float((chosen > rejected).mean()), 4)


def _gain(
    asked: Sequence[Question], before: Sequence[Answer], after: Sequence[Answer], taste: Taste, seed: int
) -> dict[str, float]:
    """The mean difference in true satisfaction with its 95% interval, by a bootstrap over people, who ask once each."""
    people = [Person.draw(taste, "honest", seed=seed * 1_000_003 + number) for number in range(len(asked))]
    apart = np.array(
        [
            person.satisfaction(question, new.text) - person.satisfaction(question, old.text)
            for person, question, old, new in zip(people, asked, before, after, strict=True)
        ]
    )
    draws = np.random.default_rng(seed).integers(len(apart), size=(DRAWS, len(apart)))
    low, high = np.quantile(apart[draws].mean(axis=1), (0.025, 0.975))
    return {"mean": round(float(apart.mean()), 4), "low": round(float(low), 4), "high": round(float(high), 4)}


def _say_step(step: int, of: int) -> None:
    if step % 10 == 0:
        sys.stderr.write(f"step {step} of {of}\n")


def main(
    recipe: Annotated[str, typer.Option(help=f"One of {', '.join(RECIPES)}.")],
    words: Annotated[str, typer.Option("--set", help="Settings of recipes, such as rloo.beta=0.1.")] = "",
    size: Annotated[Size, typer.Option(help="The demo whose people are asked.")] = "small",
    taste: Annotated[str, typer.Option(help="What they like.")] = "default",
    count: Annotated[int, typer.Option("--pairs", help="Questions to which people compare two answers.")] = 250,
    asked: Annotated[int, typer.Option("--questions", help="Unseen questions to measure with.")] = 400,
    seed: Annotated[int, typer.Option(help="Seed of everything.")] = 0,
    cells: Annotated[Path | None, typer.Option(help="JSONL file of the cells that are measured already.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, last.")] = False,
) -> None:
    """Measure one recipe with one seed."""
    if recipe not in RECIPES:
        raise typer.BadParameter(f"there is no recipe {recipe!r}; choose one of {', '.join(RECIPES)}")
    key = {"recipe": recipe, "set": words, "size": size, "taste": taste, "questions": asked, "of": count, "seed": seed}
    known = [json.loads(line) for line in cells.read_text().splitlines()] if cells and cells.exists() else []
    found = next((cell for cell in known if {name: cell.get(name) for name in key} == key), None)
    if found is None:
        found = {**key, **measure(recipe, size, taste, count, asked, seed, words, cells)}
        if cells is not None:
            with cells.open("a") as file:
                file.write(json.dumps(found) + "\n")
    print(json.dumps(found) if as_json else json.dumps(found, indent=1))


if __name__ == "__main__":
    typer.run(main)
