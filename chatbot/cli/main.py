"""The words of `./ratchet` and how an error is told to a person."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import typer
from rich.console import Console
from rich.text import Text

from chatbot.cli import (
    accounts,
    adapters,
    approve,
    attack,
    audit,
    audit_bias,
    bench,
    classifier,
    dataset,
    demo,
    dev,
    doctor,
    drift,
    drill,
    erase,
    errors,
    evaluate,
    export,
    import_,
    judge,
    keys,
    learn,
    preview,
    promote,
    redteam,
    screen,
    self_review,
    side_by_side,
    starter,
    status,
    test,
    up,
)
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


RUN, LOOP, PEOPLE, SAFETY, DATA, WORK = "Chat", "The loop", "People", "Safety", "Models and data", "Develop"

_COMMANDS: tuple[tuple[str, str, Callable[..., None], str, dict[str, Any] | None], ...] = (
    (RUN, "up", up.up, "Chat in your browser: the model, the pages and the learner.", None),
    (RUN, "status", status.status, "Champion, challenger, experiment, and what was gathered.", None),
    (RUN, "doctor", doctor.doctor, "Is this machine fit, and what to do where it is not.", None),
    (RUN, "screen", screen.screen, "What each filter says about a text; the policy in force.", None),
    (LOOP, "demo", demo.demo, "Simulated people take the whole loop through one lap.", demo.PASS_THROUGH),
    (LOOP, "attack", attack.attack, "Simulated people try to poison what is learned.", demo.PASS_THROUGH),
    (LOOP, "learn", learn.learn, "Start a lap now and watch it: curate, train, gate.", None),
    (LOOP, "self-review", self_review.self_review, "The model reads past answers again; findings go to review.", None),
    (LOOP, "adapters", adapters.adapters, "The adapters, or the promotion card of one.", None),
    (LOOP, "evaluate", evaluate.evaluate, "Benchmark suites: how good a model is, and is it no worse.", None),
    (LOOP, "promote", promote.promote, "Make the proven challenger the champion.", None),
    (LOOP, "approve", approve.approve, "Agree to a promotion, or take that back.", None),
    (LOOP, "rollback", promote.rollback, "Bring the last champion back, at once.", None),
    (LOOP, "revoke", approve.revoke, "Take an adapter away for good.", None),
    (LOOP, "preview", preview.preview, "What another routing would come to, from the log.", None),
    (LOOP, "drift", drift.drift, "Have traffic or answers moved, over time and over generations?", None),
    (LOOP, "card", audit.card, "An adapter's model card, with what became of it.", None),
    (LOOP, "leaderboard", errors.leaderboard, "Every adapter by what was said of two answers side by side.", None),
    (LOOP, "errors", errors.errors, "Where an adapter fails, and why it won.", None),
    (SAFETY, "audit-bias", audit_bias.audit_bias, "Is anybody treated worse, by the filters or by the model?", None),
    (DATA, "export", export.export, "Pairs, thumbs or turns, ready for TRL.", None),
    (DATA, "import", import_.import_, "Examples from files: TRL, KTO, Argilla, Open WebUI.", None),
    (WORK, "bench", bench.bench, "Benchmarks: things measured side by side.", bench.PASS_THROUGH),
    (WORK, "test", test.test, "Run the test suite.", test.PASS_THROUGH),
)

for _panel, _name, _command, _help, _settings in _COMMANDS:
    app.command(_name, short_help=_help, rich_help_panel=_panel, context_settings=_settings)(_command)
app.add_typer(accounts.app, name="accounts", rich_help_panel=PEOPLE)
app.add_typer(keys.app, name="keys", rich_help_panel=PEOPLE)
app.add_typer(erase.app, name="erase", rich_help_panel=PEOPLE)
app.add_typer(dataset.app, name="dataset", rich_help_panel=DATA)
app.add_typer(starter.app, name="starter", rich_help_panel=DATA)
app.add_typer(drill.app, name="drill", rich_help_panel=LOOP)
app.add_typer(audit.app, name="audit", rich_help_panel=LOOP)
app.add_typer(judge.app, name="judge", rich_help_panel=LOOP)
app.add_typer(side_by_side.app, name="side-by-side", rich_help_panel=LOOP)
app.add_typer(redteam.app, name="redteam", rich_help_panel=SAFETY)
app.add_typer(classifier.app, name="classifier", rich_help_panel=DATA)
app.add_typer(dev.app, name="dev", rich_help_panel=WORK)


def main() -> None:
    """Run the command line; what a person can fix is told in one sentence, without a traceback."""
    from analytics import AnalyticsError
    from learner import LearnerError
    from safety import SafetyError

    try:
        app(prog_name="./ratchet")
    except (ChatbotError, AnalyticsError, LearnerError, SafetyError) as error:
        told = Text.assemble(("ratchet:", "bold red"), f" {error}")  # not markup, which a path may look like
        Console(stderr=True).print(told, soft_wrap=True)
        sys.exit(1)
