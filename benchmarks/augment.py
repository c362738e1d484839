"""What each augmentation does to held-out preference accuracy: trained with and without, on the same pairs.

`copies` trains on every row twice and is the control: what it gains is gained by more passes, not by other words. Cells
are kept in a file, so that a run which was cut off goes on. Run as: ./ratchet bench augment --step typos --json
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from benchmarks._crowd import Starter, interval
from learner.augment import STEPS, Added, augment, write_measured
from learner.augment.step import again
from learner.augment.weak_spots import Measured
from learner.lessons import Lessons
from learner.pair import Pair
from learner.recipes import RECIPES
from learner.recipes.task import task
from learner.settings import LapSettings
from learner.simulate.plan import PLANS
from learner.simulate.taste import load_taste
from learner.starter import MODEL_DIR, Question, held_out_questions, questions, score

NONE, COPIES = "none", "copies"
EACH = 4  # comparisons of one person
LOOKED = 1  # seeds for which the model is asked what was changed
KEPT = 120  # changed questions that the model is asked, to see whether they still ask the same
OFFSET = 500_000  # between the seeds of what is learned and of what is held out


@dataclass(frozen=True)
class Material:
    """What is the same for all steps of a seed: what is learned from, and what is judged by."""

    seed: int
    asked: list[Question]
    learn: list[Pair]
    judges: list[Pair]

    @classmethod
    def gather(cls, starter: Starter, seed: int, pairs: int, held: int) -> Material:
        """Ask the starter twice, and people of two groups which answer is better; judges say what they truly think."""
        taste = PLANS["small"].taste(load_taste("default"))
        asked = questions(seed, pairs)
        learn = [one.pair() for one in starter.compared(asked, taste, seed, EACH)]
        judges = starter.compared(held_out_questions(seed + OFFSET, held), taste, seed + OFFSET, EACH)
        return cls(seed, asked, learn, [one.pair(truth=True) for one in judges])


def cell(starter: Starter, step: str, material: Material, *, look: bool) -> dict[str, Any]:
    """One training, with `step` on the pairs; `look` asks the model what was changed as well."""
    with tempfile.TemporaryDirectory() as folder:
        settings = LapSettings(seed=material.seed, augment_weight=1.0)
        settings = replace(settings, **_files(starter, step, material.seed, folder))
        lessons, report = _augmented(Lessons(material.learn), step, settings)
        began = time.process_time()
        made = task(str(MODEL_DIR), "starter", lessons, Path(folder), settings, time.monotonic() + 3600, _silent)
        RECIPES["dpo"].train(made)
        seconds = time.process_time() - began
        model = starter.tuned(made.out)
    new = lessons.pairs[len(material.learn) :]
    return {
        "step": step,
        "seed": material.seed,
        "pairs": len(material.learn),
        "added": asdict(report),
        "accurate": starter.accurate(model, material.judges).tolist(),
        "people": [pair.person for pair in material.judges],
        "cpu_seconds": round(seconds, 1),
        "asks_the_same": _asks_the_same(starter, material, new) if look else {},
    }


def _silent(step: int, of: int) -> None:
    """The lines of the cells are progress enough."""


def _augmented(lessons: Lessons, step: str, settings: LapSettings) -> tuple[Lessons, Added]:
    if step == NONE:
        return lessons, Added(step, len(lessons), 0)
    if step == COPIES:
        more = [*lessons.pairs, *(again(pair, settings) for pair in lessons.pairs)]
        return Lessons(more), Added(step, len(lessons), len(lessons))
    more_lessons, (report,) = augment(lessons, replace(settings, augment=step))
    return more_lessons, report


def _files(starter: Starter, step: str, seed: int, folder: str) -> dict[str, str]:
    """The settings of steps that need something measured before."""
    if step != "weak-spots":
        return {}
    path = Path(folder) / "measured.jsonl"
    asked = questions(seed + 2 * OFFSET, 400)
    said = starter.said(asked, seed + 2 * OFFSET)
    write_measured(
        path,
        [
            Measured(q.messages[-1]["content"], float(score(q.intent, text, q.order).right), q.intent, text)
            for q, text in zip(asked, said, strict=True)
        ],
    )
    return {"augment_measured": str(path)}


def _asks_the_same(starter: Starter, material: Material, new: Sequence[Pair]) -> dict[str, float]:
    """Of changed questions whose originals the model answers rightly, the share that it still does.

    `unchanged` is the share when they are asked a second time as they were, which is what chance leaves.
    """
    by_messages = {json.dumps(list(question.messages)): question for question in material.asked}
    of_turn = {pair.turn_id: by_messages[json.dumps(list(pair.prompt))] for pair in material.learn}
    changed = [(of_turn[p.turn_id], p) for p in new if p.turn_id in of_turn and p.prompt != of_turn[p.turn_id].messages]
    changed = changed[:KEPT]
    if not changed:
        return {}
    before = [question for question, _ in changed]
    after = [replace(question, messages=pair.prompt) for question, pair in changed]
    right = [_right(starter, some, material.seed + number) for number, some in enumerate((before, before, after))]
    known = right[0].astype(bool)
    return {
        "questions": int(known.sum()),
        "unchanged": round(float(right[1][known].mean()), 3),
        "changed": round(float(right[2][known].mean()), 3),
    }


def _right(starter: Starter, asked: Sequence[Question], seed: int) -> np.ndarray:
    said = starter.said(asked, seed + 3 * OFFSET)
    return np.array([score(q.intent, text, q.order).right for q, text in zip(asked, said, strict=True)], dtype=float)


def effects(cells: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """For each step the accuracy with it, and what it adds to that without it and to that of plain copies."""
    by = {(one["step"], one["seed"]): one for one in cells}
    found: dict[str, Any] = {}
    for step in dict.fromkeys(one["step"] for one in cells):
        seeds = [seed for name, seed in by if name == step]
        mine = [np.array(by[step, seed]["accurate"]) for seed in seeds]
        shown: dict[str, Any] = {
            "seeds": len(seeds),
            "accuracy": round(float(np.concatenate(mine).mean()), 4),
            "added": round(float(np.mean([by[step, seed]["added"]["added"] for seed in seeds])), 1),
            "cpu_seconds": round(float(np.mean([by[step, seed]["cpu_seconds"] for seed in seeds])), 1),
        }
        same = [by[step, seed]["asks_the_same"] for seed in seeds if by[step, seed]["asks_the_same"]]
        if same:
            shown["asks_the_same"] = {k: round(float(np.mean([one[k] for one in same])), 3) for k in same[0]}
        for control in (NONE, COPIES):
            shared = [seed for seed in seeds if (control, seed) in by and step != control]
            if shared:
                gains = [np.array(by[step, s]["accurate"]) - np.array(by[control, s]["accurate"]) for s in shared]
                shown[f"effect_on_{control}"] = interval(gains, [by[step, s]["people"] for s in shared])
        found[step] = shown
    return found


def main(
    step: Annotated[list[str] | None, typer.Option(help="A step; may be given several times. All if left out.")] = None,
    seeds: Annotated[int, typer.Option(help="How many seeds, from 0.")] = 5,
    pairs: Annotated[int, typer.Option(help="Questions to which people compare two answers, to learn from.")] = 150,
    held: Annotated[int, typer.Option(help="The same of other people, to judge by.")] = 400,
    cells: Annotated[Path | None, typer.Option(help="File that keeps what was measured; a second run goes on.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, last.")] = False,
) -> None:
    """Measure what augmentations do to held-out preference accuracy."""
    known = [
        name for name in STEPS if name != "reweighting"
    ]  # that one is of no use without an audit; see augment_bias
    if unknown := set(step or ()) - set(known):
        raise typer.BadParameter(f"no step {min(unknown)!r}; choose of {', '.join(known)}", param_hint="--step")
    done = [json.loads(line) for line in cells.read_text().splitlines()] if cells and cells.exists() else []
    wanted = [(name, seed) for seed in range(seeds) for name in (NONE, COPIES, *(step or known))]
    found, starter = {(one["step"], one["seed"]): one for one in done}, Starter()
    material = None
    for place, (name, seed) in enumerate(wanted, 1):
        if (name, seed) not in found:
            if material is None or material.seed != seed:
                material = Material.gather(starter, seed, pairs, held)
            found[name, seed] = cell(starter, name, material, look=seed < LOOKED)
            if cells:
                with cells.open("a") as file:
                    file.write(json.dumps(found[name, seed]) + "\n")
        told = found[name, seed]
        sys.stderr.write(f"{place}/{len(wanted)} {name} seed {seed}: {np.mean(told['accurate']):.3f}\n")
    result = {"pairs": pairs, "held": held, "steps": effects([found[key] for key in wanted])}
    print(json.dumps(result if as_json else result["steps"], indent=None if as_json else 1))


if __name__ == "__main__":
    typer.run(main)
