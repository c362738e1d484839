"""`./ratchet learn`: start a lap now and watch it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from chatbot.cli.options import AsJson, print_json, with_settings
from chatbot.settings import Settings

if TYPE_CHECKING:
    from chatbot.control import Control

GLANCE_SECONDS = 0.5


@with_settings("home")
def learn(settings: Settings, json: AsJson = False) -> None:
    """Start a lap now: curate, train, gate. Prints a progress bar and how it ended."""
    from chatbot.control import connect

    with connect(settings) as control:
        run_id = control.learn()
        run = watch(control, run_id)
    if json:
        print_json(run)
    else:
        from learner import came_to

        Console().print(Text.assemble(f"{run_id}: ", (came_to(run), "bold"), f". {run['reason']}"))
    if run["state"] != "succeeded":
        raise typer.Exit(1)


def watch(control: Control, run_id: str) -> dict[str, Any]:
    """Show a run's progress until it ended, and return the run."""
    from learner import ALIVE

    bar = Progress(
        TextColumn("{task.description}", markup=False), BarColumn(), TextColumn("{task.percentage:3.0f}%"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
    )  # fmt: skip
    with bar:
        task = bar.add_task("starting", total=1.0)
        while True:
            run = control.run(run_id)
            bar.update(task, completed=run["progress"], description=run["reason"] or run["state"])
            if run["state"] not in ALIVE:
                return run
            time.sleep(GLANCE_SECONDS)
