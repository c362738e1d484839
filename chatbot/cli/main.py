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
    invoke_without_command=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def no_words(context: typer.Context) -> None:
    """Show the help when no command is named."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


RUN, LOOP, DATA, WORK = "Chat", "The loop", "Models and data", "Develop"

app.command("up", short_help="Chat in your browser: the model, the pages and the learner.", rich_help_panel=RUN)(up.up)
app.command("status", short_help="Champion, challenger, experiment, and what was gathered.", rich_help_panel=RUN)(
    status.status
)
app.command("doctor", short_help="Is this machine fit, and what to do where it is not.", rich_help_panel=RUN)(
    doctor.doctor
)
app.command(
    "demo",
    short_help="Simulated people take the whole loop through one lap.",
    rich_help_panel=LOOP,
    context_settings=demo.PASS_THROUGH,
)(demo.demo)
app.command("learn", short_help="Start a lap now and watch it: curate, train, gate.", rich_help_panel=LOOP)(learn.learn)
app.command("promote", short_help="Make the proven challenger the champion.", rich_help_panel=LOOP)(promote.promote)
app.command("rollback", short_help="Bring the last champion back, at once.", rich_help_panel=LOOP)(promote.rollback)
app.command("export", short_help="Pairs, thumbs or turns, ready for TRL.", rich_help_panel=DATA)(export.export)
app.add_typer(starter.app, name="starter", rich_help_panel=DATA)
app.command(
    "bench",
    short_help="Benchmarks: two things side by side, as a ratio.",
    rich_help_panel=WORK,
    context_settings=bench.PASS_THROUGH,
)(bench.bench)
app.command("test", short_help="Run the test suite.", rich_help_panel=WORK, context_settings=test.PASS_THROUGH)(
    test.test
)
app.add_typer(dev.app, name="dev", rich_help_panel=WORK)


def main() -> None:
    """Run the command line; what a person can fix is told in one sentence, without a traceback."""
    from analytics import AnalyticsError
    from learner import LearnerError

    try:
        app(prog_name="./ratchet")
    except (ChatbotError, AnalyticsError, LearnerError) as error:
        Console(stderr=True).print(f"[bold red]ratchet:[/] {error}", highlight=False, soft_wrap=True)
        sys.exit(1)
