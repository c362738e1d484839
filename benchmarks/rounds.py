"""Ten laps on end: does satisfaction climb, and does the model keep what it knows?

Every lap other people compare two answers of the present champion; a fresh adapter is trained from the base on what
was said so far and takes the champion's place, without any gate that could hide a loss.
Run as: ./ratchet bench rounds --recipe dpo --rounds 10 --json
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console

from benchmarks._crowd import Starter
from benchmarks.recipes.cell import Measured, examined, trained
from benchmarks.recipes.crowd import Crowd
from learner.lessons import Lessons
from learner.pair import Pair
from learner.progress import read_json, write_json
from learner.settings import LapSettings

progress = Console(stderr=True, highlight=False)
ROUNDS_APART = 1_000  # seeds


def main(
    recipe: Annotated[str, typer.Option(help="By its name.")] = "dpo",
    rounds: Annotated[int, typer.Option(help="Laps.", min=1, max=100)] = 10,
    pieces: Annotated[int, typer.Option(help="New comparisons of a lap.", min=20)] = 200,
    unseen: Annotated[int, typer.Option(help="Questions of the exam.", min=20)] = 400,
    window: Annotated[int, typer.Option(help="Newest comparisons that are trained on.", min=20)] = 1000,
    seed: Annotated[int, typer.Option(help="Seed of everything.")] = 0,
    into: Annotated[Path, typer.Option(help="The folder of the laps, from which a stopped run goes on.")] = Path(
        "build/rounds"
    ),
    image: Annotated[Path | None, typer.Option(help="Where to draw the picture.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, last.")] = False,
) -> None:
    """Train laps on end, and show satisfaction and right answers after each."""
    into.mkdir(parents=True, exist_ok=True)
    exam = Crowd(seed, pieces, unseen)
    laps: list[dict[str, Any]] = []
    said: list[dict[str, Any]] = []
    for number in range(rounds + 1):
        path = into / f"{recipe}-{seed}-{number}.json"
        if (kept := read_json(path)) is None:
            champion = None if number == 0 else _adapter(recipe, said[-window:], into / f"adapter-{number}")
            kept = _lap(exam, champion, Crowd(seed + ROUNDS_APART * (number + 1), pieces, unseen))
            write_json(path, kept)
        said += kept.pop("said")
        laps.append(kept)
        progress.print(f"lap {number}: satisfaction {kept['satisfaction']:.3f}, right {kept['right']:.3f}")
    if image is not None:
        _draw(laps, image)
    kept_right = min(lap["right"] for lap in laps[1:]) - laps[0]["right"]
    result = {"laps": laps, "worst_right_change": round(kept_right, 4)}
    print(json.dumps(result) if as_json else f"right answers changed by {kept_right:+.3f} at worst")


def _adapter(recipe: str, said: list[dict[str, Any]], out: Path) -> Path:
    pairs = [Pair(**{**values, "prompt": tuple(values["prompt"])}) for values in said]
    with tempfile.TemporaryDirectory() as made:
        fresh = Path(made) / "adapter"
        trained(recipe, Lessons(pairs=pairs), fresh, LapSettings(train_threads=2), progress.print)
        return fresh.rename(out) if not out.exists() else out


def _lap(exam: Crowd, champion: Path | None, crowd: Crowd) -> dict[str, Any]:
    """What the champion is worth, and what the next people say of it."""
    starter = Starter(champion)
    found: Measured = examined(exam, starter)
    asked = crowd.asked[: crowd.pieces]
    lessons, _ = crowd.lessons(starter.said_twice(asked, crowd.seed), "comparisons")
    said = [
        {**vars(pair), "turn_id": f"{crowd.seed}-{pair.turn_id}", "person": f"{crowd.seed}-{pair.person}"}
        for pair in lessons.pairs
    ]
    satisfaction = float(np.mean(found.satisfaction))
    return {"satisfaction": satisfaction, "right": found.right, "words": found.words, "said": said}


def _draw(laps: list[dict[str, Any]], path: Path) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(7, 3.4), layout="constrained")
    for name, colour in (("right", "#1f2937"), ("satisfaction", "#4f46e5")):
        axes.plot([lap[name] for lap in laps], "o-", color=colour, ms=4)
        axes.annotate(
            {"right": "right answers", "satisfaction": "true satisfaction"}[name],
            (len(laps) - 1, laps[-1][name]), xytext=(0, 7), textcoords="offset points", ha="right", color=colour,
        )  # fmt: skip
    axes.set(xlabel="lap", ylim=(0, 1.05), xticks=range(len(laps)))
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=150)
    plt.close(figure)


if __name__ == "__main__":
    typer.run(main)
