"""One cell: one recipe, one seed. Trains on the crowd's feedback, and measures before and after."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from benchmarks._crowd import Starter
from benchmarks.recipes.crowd import EXAMINE, Crowd, person
from learner.lessons import Lessons
from learner.progress import read_json, write_json
from learner.recipes import RECIPES
from learner.recipes.task import Task, Training
from learner.settings import LapSettings
from learner.starter import MODEL_DIR, score

TAUGHT_BY = {"kto": "thumbs", "sft": "rewrites"}  # the others by comparisons
Say = Callable[[str], None]


@dataclass(frozen=True)
class Measured:
    """Of the answers to the exam: shares in [0, 1] and mean words; `satisfaction` has the shape (questions,)."""

    satisfaction: list[float]
    right: float
    words: float


@dataclass(frozen=True)
class Cell:
    """What came of it. `held_out` is the share of other people's comparisons that the model gets right."""

    recipe: str
    seed: int
    pieces: int
    taught_by: str
    rows: int
    held_out_before: float
    held_out_after: float
    before: Measured
    after: Measured
    seconds: float
    detail: dict[str, object]

    @property
    def gain(self) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        """Satisfaction after less before, of each person of the exam."""
        return np.array(self.after.satisfaction) - np.array(self.before.satisfaction)


def measure(recipe: str, crowd: Crowd, folder: Path, settings: LapSettings, say: Say) -> Cell:
    """Run one cell; what the base answers is kept in `folder` for the other recipes of its seed."""
    say(f"{recipe}, seed {crowd.seed}: the base answers")
    said, base = _of_base(crowd, folder)
    kind = TAUGHT_BY.get(recipe, "comparisons")
    lessons, judge = crowd.lessons(said, kind)
    say(f"{recipe}, seed {crowd.seed}: training on {len(lessons)} {kind}")
    with tempfile.TemporaryDirectory() as made:
        adapter = Path(made) / "adapter"
        training = trained(recipe, lessons, adapter, settings, say)
        say(f"{recipe}, seed {crowd.seed}: measuring")
        tuned = Starter(adapter)
        before, after = (float(one.accurate(one.model, judge).mean()) for one in (Starter(), tuned))
        after_all = examined(crowd, tuned)
    return Cell(
        *(recipe, crowd.seed, crowd.pieces, kind, training.rows, before, after, base, after_all),
        seconds=round(training.seconds, 1),
        detail=dict(training.detail),
    )


def trained(recipe: str, lessons: Lessons, adapter: Path, settings: LapSettings, say: Say) -> Training:
    """Train one adapter on the starter."""
    task = Task(
        model=str(MODEL_DIR),
        base="starter",
        lessons=lessons,
        out=adapter,
        checkpoints=adapter.with_name("checkpoints"),
        settings=settings,
        deadline=time.monotonic() + 3600,
        report=lambda step, of: say(f"  step {step} of {of}") if step % 50 == 0 else None,
    )
    return RECIPES[recipe].train(task)


def examined(crowd: Crowd, starter: Starter) -> Measured:
    """What the people of the exam think of the answers, and whether these are right."""
    said = starter.said(crowd.exam, crowd.seed)
    both = list(zip(crowd.exam, said, strict=True))
    people = [person(crowd.taste, crowd.seed, EXAMINE + number) for number in range(len(both))]
    return Measured(
        [who.satisfaction(question, text) for who, (question, text) in zip(people, both, strict=True)],
        float(np.mean([score(question.intent, text, question.order).right for question, text in both])),
        float(np.mean([len(text.split()) for text in said])),
    )


def _of_base(crowd: Crowd, folder: Path) -> tuple[list[tuple[str, str]], Measured]:
    path = folder / f"base-{crowd.seed}-{crowd.pieces}-{crowd.unseen}-{crowd.taste_name}.json"
    if (kept := read_json(path)) is None:
        starter = Starter()
        said = starter.said_twice(crowd.asked, crowd.seed)
        kept = {"said": said, "exam": asdict(examined(crowd, starter))}
        write_json(path, kept)
    return [(first, second) for first, second in kept["said"]], Measured(**kept["exam"])


def write(cell: Cell, path: Path) -> None:
    """Keep the cell."""
    write_json(path, asdict(cell))


def read(path: Path) -> Cell | None:
    """The cell that is kept there, if there is one."""
    if (kept := read_json(path)) is None:
        return None
    before, after = (Measured(**kept.pop(name)) for name in ("before", "after"))
    return Cell(**kept, before=before, after=after)
