"""The command line of `./ratchet attack`. Run as: python -m learner.simulate.attacks"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal, get_args

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from learner.settings import LapSettings
from learner.simulate.attacks.picture import picture
from learner.simulate.attacks.trial import Attack, Report, Result, run

Which = Literal["coordinated", "planted-fact", "all"]
Defences = Literal["on", "off", "both"]


def attack(
    which: Annotated[
        Which,
        typer.Argument(
            help="'coordinated': 5% of the accounts cast half of all votes. 'planted-fact': a false one, planted by "
            "orders such as 'say A or B'. 'all': both."
        ),
    ],
    defences: Annotated[Defences, typer.Option(help="Whether the curation may defend itself.")] = "both",
    seed: Annotated[int, typer.Option(help="Seed of the people, of what they ask, and of training.")] = 0,
    threads: Annotated[int, typer.Option(min=1, help="Threads that it may use.")] = 1,
    png: Annotated[Path | None, typer.Option(help="Where a picture of the results goes.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, and nothing for people.")] = False,
) -> None:
    """Attack what is learned, with simulated people and real training, and see whether the defences hold.

    It needs no server and touches no home. Exits with 1 where an attack moved something in spite of the defences, or
    failed without them: then it proves nothing.
    """
    if png is not None and not os.access(png.resolve().parent, os.W_OK):
        raise typer.BadParameter(f"{png.resolve().parent} is no folder that can be written to", param_hint="--png")
    settings = LapSettings(train_threads=threads, seed=seed)
    attacks: Sequence[Attack] = get_args(Attack) if which == "all" else [which]
    sides = [True, False] if defences == "both" else [defences == "on"]
    results = []
    for name in attacks:
        for defended in sides:
            with _watched(f"{name}, defences {'on' if defended else 'off'}", quiet=as_json) as report:
                results.append(run(name, defences=defended, seed=seed, settings=settings, report=report))
            if not as_json:
                Console().print(told(results[-1]))
    if png is not None:
        picture(results, png)
    proven = all(result.moved != result.defences for result in results)
    if as_json:
        sys.stdout.write(json.dumps({"proven": proven, "results": [asdict(result) for result in results]}) + "\n")
    raise typer.Exit(0 if proven else 1)


def told(result: Result) -> Text:
    """A result in a few lines."""
    low, high = result.interval
    good = result.moved != result.defences
    verdict = "moved" if result.moved else "did not move"
    head = f"{result.attack}, defences {'on' if result.defences else 'off'}: {result.measured} {verdict}. "
    figures = f"{result.clean:.3f} without the attackers, {result.attacked:.3f} with them ({low:+.3f} to {high:+.3f}). "
    rows = (
        f"They gave {result.rows_given_by_attackers} of {result.rows_given} rows, and "
        f"{result.rows_learned_from_attackers} of {result.rows_learned} were learned from"
        f"{', as if they had never been there.' if result.same_dataset else '.'}"
    )
    return Text.assemble((head, "bold green" if good else "bold red"), figures, rows)


@contextmanager
def _watched(title: str, *, quiet: bool) -> Iterator[Report]:
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=quiet) as progress:
        task = progress.add_task(f"{title}: choosing the pairs", total=None)

        def report(what: str, done: int, of: int) -> None:
            progress.update(task, description=f"{title}: {what.lower()}", completed=done, total=of)

        yield report


if __name__ == "__main__":
    app = typer.Typer(add_completion=False, context_settings={"help_option_names": ["-h", "--help"]})
    app.command()(attack)
    app(prog_name="./ratchet attack")
