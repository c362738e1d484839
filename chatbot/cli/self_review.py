"""`./ratchet self-review`: the model reads past answers again, and reviewers see what it finds."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from chatbot.cli.learn import watch
from chatbot.cli.options import AsJson, print_json, with_settings
from chatbot.settings import Settings


@with_settings("home")
def self_review(
    settings: Settings,
    sample: Annotated[int, typer.Option(min=1, max=10_000, help="Past answers to read, drawn at random.")] = 100,
    json: AsJson = False,
) -> None:
    """Have the model answer past questions again, and compare: with itself, with its other answers, with the facts."""
    from chatbot.control import connect

    with connect(settings) as control:
        run = watch(control, control.self_review(sample))
    if json:
        print_json(run)
    else:
        Console().print(Text(str(run["reason"])))
    if run["state"] != "succeeded":
        raise typer.Exit(1)
