"""What each recipe buys: held-out accuracy, true satisfaction and right answers, before and after.

One cell is one recipe and one seed; cells that are there already are not run again, so a run can be stopped and goes on
later. Run as: ./ratchet bench recipes --into FOLDER [--recipe dpo --seed 0] --json
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from benchmarks.recipes import cell, picture, table
from benchmarks.recipes.crowd import Crowd
from learner.recipes import RECIPES
from learner.settings import LapSettings

SEEDS = {"dpo": 5, "kto": 5, "hybrid": 5}  # the others have two
EVALUATED = ("sft", "dpo", "kto", "hybrid", "rloo", "grpo")
progress = Console(stderr=True, highlight=False)


def main(
    into: Annotated[Path, typer.Option(help="The folder of the cells.")] = Path("build/recipes"),
    recipe: Annotated[str | None, typer.Option(help="One recipe only.")] = None,
    seed: Annotated[int | None, typer.Option(help="One seed only.")] = None,
    pieces: Annotated[int, typer.Option(help="Pieces of feedback that teach.", min=20)] = 400,
    unseen: Annotated[int, typer.Option(help="Questions of the exam.", min=20)] = 400,
    taste: Annotated[str, typer.Option(help="What people like.")] = "default",
    words: Annotated[str, typer.Option("--set", help="Settings of recipes, such as 'rloo.epochs=12'.")] = "",
    image: Annotated[Path | None, typer.Option(help="Where to draw the picture.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, last.")] = False,
) -> None:
    """Run the cells that are missing, and show the table of all."""
    into.mkdir(parents=True, exist_ok=True)
    for name in _chosen(recipe):
        for number in range(SEEDS.get(name, 2)) if seed is None else (seed,):
            path = into / f"{name}-{number}.json"
            if not path.exists():
                crowd = Crowd(number, pieces, unseen, taste)
                settings = LapSettings(train_threads=2, recipe_settings=words)
                cell.write(cell.measure(name, crowd, into, settings, progress.print), path)
    found = {name: group for name in EVALUATED if (group := _kept(into, name))}
    rows = {name: table.summary(group) for name, group in found.items()}
    if image is not None:
        picture.draw(found, image)
    if as_json:
        print(json.dumps({"recipes": rows}))
    else:
        print("\n".join([table.HEAD, *(table.line(name, row) for name, row in rows.items())]))


def _chosen(recipe: str | None) -> Sequence[str]:
    known = [name for name in EVALUATED if name in RECIPES]
    if recipe is None:
        return known
    if recipe not in known:
        raise typer.BadParameter(
            f"there is no recipe {recipe!r}; choose one of {', '.join(known)}", param_hint="--recipe"
        )
    return [recipe]


def _kept(into: Path, name: str) -> list[cell.Cell]:
    return [kept for path in sorted(into.glob(f"{name}-*.json")) if (kept := cell.read(path)) is not None]


if __name__ == "__main__":
    typer.run(main)
