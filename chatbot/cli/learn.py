"""`./ratchet learn`: start a lap now and watch it, or train by one recipe on one dataset."""

from __future__ import annotations

import os
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from chatbot.cli.options import AsJson, print_json, with_settings
from chatbot.errors import UserError
from chatbot.settings import Settings

if TYPE_CHECKING:
    from chatbot.control import Control
    from learner import RecipeName
    from learner.teach import Taught

GLANCE_SECONDS = 0.5
_OF_A_RECIPE = ("home", "model", "recipe", "recipe_settings", "train_minutes", "train_threads", "lora_rank")


@with_settings(*_OF_A_RECIPE)
def learn(
    settings: Settings,
    dataset: Annotated[
        str | None,
        typer.Option(help="Train on this dataset alone, an id under datasets/ of the home or a folder: no lap."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the adapter of --dataset.")] = None,
    json: AsJson = False,
) -> None:
    """Start a lap now: curate, train, gate. With --dataset, train by one recipe and measure on its held-out rows."""
    if dataset is not None:
        _tell(_taught(settings, dataset, out), json)
        return
    from chatbot.control import connect

    with connect(settings) as control:
        chosen = settings.text("recipe")
        run_id = control.learn(None if chosen == "auto" else cast("RecipeName", chosen))
        run = watch(control, run_id)
    if json:
        print_json(run)
    else:
        from learner import came_to

        Console().print(Text.assemble(f"{run_id}: ", (came_to(run), "bold"), f". {run['reason']}"))
    if run["state"] != "succeeded":
        raise typer.Exit(1)


def _taught(settings: Settings, dataset: str, out: Path | None) -> Taught:
    from chatbot.model import locate
    from learner import LapSettings

    lap = LapSettings.from_values(settings.values)
    folder = _folder(settings.home, dataset)
    os.environ.setdefault("OMP_NUM_THREADS", str(lap.train_threads))
    from learner.teach import teach

    model = locate(settings.text("model"))
    place = out or settings.home / "trained" / f"{lap.recipe}-{folder.name}"
    with _bar() as bar:
        task = bar.add_task("Loading the trainer.", total=1.0)

        def report(step: int, of: int) -> None:
            bar.update(task, completed=step / of, description=f"Step {step} of {of}.")

        return teach(folder, str(model.folder), model.name, lap, place, report)


def _folder(home: Path, dataset: str) -> Path:
    for folder in (home / "datasets" / dataset, Path(dataset).expanduser()):
        if folder.is_dir():
            return folder.resolve()
    raise UserError(f"There is no dataset {dataset!r}: name one under {home / 'datasets'}, or a folder.")


def _tell(taught: Taught, json: bool) -> None:
    if json:
        print_json(asdict(taught))
        return
    told = f"{taught.recipe}: {taught.reason} {taught.training['rows']} rows in {taught.seconds} s. "
    if taught.held_out_before is not None and taught.held_out_after is not None:
        told += f"The {taught.measure} on {taught.judged} held-out rows went from "
        told += f"{taught.held_out_before:.3f} to {taught.held_out_after:.3f}. "
    if taught.training["too_long"]:
        told += f"{taught.training['too_long']} rows were too long for max_model_len, and left out. "
    Console().print(Text(f"{told}The adapter is in {taught.adapter}."))


def _bar() -> Progress:
    return Progress(
        TextColumn("{task.description}", markup=False), BarColumn(), TextColumn("{task.percentage:3.0f}%"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
    )  # fmt: skip


def watch(control: Control, run_id: str) -> dict[str, Any]:
    """Show a run's progress until it ended, and return the run."""
    from learner import ALIVE

    with _bar() as bar:
        task = bar.add_task("starting", total=1.0)
        while True:
            run = control.run(run_id)
            bar.update(task, completed=run["progress"], description=run["reason"] or run["state"])
            if run["state"] not in ALIVE:
                return run
            time.sleep(GLANCE_SECONDS)
