"""`./ratchet starter`: look at, measure and train the demo model."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from chatbot.cli.options import AsJson, print_json
from chatbot.errors import ModelUnusable

START_FILES = ("config.json", "model.safetensors", "tokenizer.json", "training.json")  # the last: how it was made

app = typer.Typer(help="The bundled demo model: evaluate it, train it anew, write its facts.", no_args_is_help=True)


@app.command()
def evaluate(
    model: Annotated[Path | None, typer.Option(help="Folder of the model; the bundled one if left out.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of the questions and of the sampling.")] = 0,
    questions: Annotated[int, typer.Option(min=1, help="Questions of each exam that is drawn.")] = 600,
    json: AsJson = False,
) -> None:
    """Measure right answers, follow-ups, invented facts, styles and clean endings, at the served sampling settings."""
    from learner.starter import MODEL_DIR
    from learner.starter import evaluate as measure

    folder = model or MODEL_DIR
    if not (folder / "config.json").is_file():
        raise ModelUnusable(f"{folder} holds no model: name the folder that has its config.json with --model.")
    with bars() as report:
        result = measure(folder, seed=seed, count=questions, report=report)
    if json:
        print_json(result)
    else:
        Console().print(_table(result))


@app.command()
def facts() -> None:
    """Write the facts of the demo shop beside the model again, from world.toml and the right answers."""
    from learner.starter.facts import FILE, as_toml

    FILE.write_text(as_toml(), encoding="utf-8")
    Console().print(f"{FILE} is written.")


@app.command()
def train(
    out: Annotated[Path, typer.Option(help="Folder for checkpoints and the finished model.")],
    minutes: Annotated[float, typer.Option(help="Time to train, in minutes.")] = 45.0,
    seed: Annotated[int, typer.Option(help="Seed of the corpus and of the weights.")] = 0,
    start: Annotated[Path | None, typer.Option("--from", help="Model to start from; scratch if left out.")] = None,
) -> None:
    """Train the starter; a run that was stopped goes on from its last checkpoint."""
    if start is not None:
        _check_start(start)
    from learner.starter.train import train as run

    run(out, minutes=minutes, seed=seed, start=start)


def _check_start(folder: Path) -> None:
    missing = [name for name in START_FILES if not (folder / name).is_file()]
    if missing:
        raise ModelUnusable(
            f"{folder} holds no demo model to start from: it has no {' and no '.join(missing)}. "
            "Name the folder of one that `./ratchet starter train` finished (OUT/model) with --from, or leave it out "
            "to start from nothing."
        )


@contextlib.contextmanager
def bars() -> Iterator[Callable[[str, int, int], None]]:
    """Progress bars on standard error: what is yielded is told a name, how many are done, and of how many."""
    columns = (TextColumn("{task.description:18}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True)) as shown:
        tasks = {}

        def report(exam: str, done: int, of: int) -> None:
            if exam not in tasks:
                tasks[exam] = shown.add_task(exam, total=of)
            shown.update(tasks[exam], completed=done)

        yield report


def _table(result: Mapping[str, Any]) -> Table:
    table = Table.grid(padding=(0, 3))
    for name, value in result.items():
        if isinstance(value, Mapping):
            table.add_row(name, ", ".join(f"{part} {number}" for part, number in value.items()))
        else:
            table.add_row(name, f"{value:.1%}")
    return table
