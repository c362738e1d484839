"""`./ratchet starter`: look at, measure and train the demo model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from chatbot.cli.options import AsJson, print_json

app = typer.Typer(help="The bundled demo model: evaluate it, ask it, train it anew.", no_args_is_help=True)


@app.command()
def evaluate(
    model: Annotated[Path | None, typer.Option(help="Folder of the model; the bundled one if left out.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of the questions and of the sampling.")] = 0,
    json: AsJson = False,
) -> None:
    """Measure right answers, follow-ups, invented facts, styles and clean endings, at the served sampling settings."""
    from learner.starter import MODEL_DIR
    from learner.starter import evaluate as measure

    result = measure(model or MODEL_DIR, seed=seed)
    if json:
        print_json(result)
        return
    for name, value in result.items():
        Console().print(f"{name:18} {value}", highlight=False)


@app.command()
def train(
    out: Annotated[Path, typer.Option(help="Folder for checkpoints and the finished model.")],
    minutes: Annotated[float, typer.Option(help="Time to train, in minutes.")] = 45.0,
    seed: Annotated[int, typer.Option(help="Seed of the corpus and of the weights.")] = 0,
) -> None:
    """Train the starter from scratch; a run that was stopped goes on from its last checkpoint."""
    from learner.starter.train import train as run

    run(out, minutes=minutes, seed=seed)
