"""The words of `./ratchet` and how an error is told to a person."""

from __future__ import annotations

import sys

import typer
from rich.console import Console

from chatbot.cli import bench, demo, dev, doctor, export, learn, promote, starter, status, test, up
from chatbot.errors import ChatbotError

app = typer.Typer(
    name="ratchet",
    help="A self-hosted chatbot that learns from the people who use it, and never slips back.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

RUN, LOOP, DATA, WORK = "Chat", "The loop", "Models and data", "Develop"

app.command("up", rich_help_panel=RUN)(up.up)
app.command("status", rich_help_panel=RUN)(status.status)
app.command("doctor", rich_help_panel=RUN)(doctor.doctor)
app.command("demo", rich_help_panel=LOOP, context_settings=demo.PASS_THROUGH)(demo.demo)
app.command("learn", rich_help_panel=LOOP)(learn.learn)
app.command("promote", rich_help_panel=LOOP)(promote.promote)
app.command("rollback", rich_help_panel=LOOP)(promote.rollback)
app.command("export", rich_help_panel=DATA)(export.export)
app.add_typer(starter.app, name="starter", rich_help_panel=DATA)
app.command("bench", rich_help_panel=WORK, context_settings=bench.PASS_THROUGH)(bench.bench)
app.command("test", rich_help_panel=WORK, context_settings=test.PASS_THROUGH)(test.test)
app.add_typer(dev.app, name="dev", rich_help_panel=WORK)


def main() -> None:
    """Run the command line; what a person can fix is told in one sentence, without a traceback."""
    from analytics import AnalyticsError
    from learner import LearnerError

    try:
        app()
    except (ChatbotError, AnalyticsError, LearnerError) as error:
        Console(stderr=True).print(f"[bold red]ratchet:[/] {error}", highlight=False, soft_wrap=True)
        sys.exit(1)
