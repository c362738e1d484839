"""`./ratchet evaluate`: how good a model is on benchmark suites, and whether it is no worse than the champion."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from chatbot.cli.options import AsJson, print_json, with_settings
from chatbot.cli.starter import bars
from chatbot.errors import UserError
from chatbot.settings import Settings

if TYPE_CHECKING:
    from chatbot.evaluating import Outcome, Result

WORST_SLICES = 3


@with_settings("home", "train_threads")
def evaluate(
    settings: Settings,
    suite: Annotated[
        list[str] | None, typer.Option(help="Name or folder of a suite; may be repeated. All that fit, if left out.")
    ] = None,
    adapter: Annotated[str, typer.Option(help="Adapter to evaluate: its name, base or champion.")] = "champion",
    against: Annotated[
        str, typer.Option(help="Held against this adapter, base or champion, which is measured where it was not; none.")
    ] = "champion",
    endpoint: Annotated[
        str, typer.Option(help="Ask a server with OpenAI's API instead: its URL, or `server` for the running one.")
    ] = "",
    model: Annotated[str, typer.Option(help="Model to ask there.")] = "default",
    key: Annotated[str, typer.Option(help="Its API key.", envvar="RATCHET_EVALUATE_KEY")] = "",
    judge: Annotated[str, typer.Option(help="Server of a model that judges: URL or URL,MODEL.")] = "",
    judge_key: Annotated[str, typer.Option(help="Its API key.", envvar="RATCHET_JUDGE_KEY")] = "",
    embeddings: Annotated[str, typer.Option(help="Server of embeddings: URL or URL,MODEL.")] = "",
    embeddings_key: Annotated[str, typer.Option(help="Its API key.", envvar="RATCHET_EMBEDDINGS_KEY")] = "",
    rows: Annotated[int, typer.Option(min=0, help="Rows of each suite, drawn at random; 0 is all.")] = 0,
    minutes: Annotated[float, typer.Option(min=0.1, help="Time for each model's answers.")] = 60.0,
    at_once: Annotated[int, typer.Option(min=1, max=256, help="Requests at the same time.")] = 8,
    png: Annotated[Path | None, typer.Option(help="Draw the suites over time into this file.")] = None,
    list_: Annotated[bool, typer.Option("--list", help="List the suites that come with the project.")] = False,
    gate: Annotated[
        bool, typer.Option("--gate", help="Exit with 1 where a suite is not shown to be no worse.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Ask a model the questions of suites, measure its answers, and keep what came of it.

    Without --endpoint the model answers in a process beside the chat, as for the gates. A suite with a metric of its
    own runs that file's code.
    """
    from chatbot.evaluating import Wish, fitting, to_values
    from chatbot.evaluating import evaluate as measured
    from learner.evaluate import shipped
    from learner.evaluate.task import Server, Task

    if list_:
        _list(json)
        return
    task = Task(
        suites=tuple(suite or fitting(shipped(), settings)),
        model="",
        endpoint=Server(*(_server(endpoint), model)) if endpoint else None,
        judge=Server.read(judge) if judge else None,
        embeddings=Server.read(embeddings) if embeddings else None,
        rows=rows,
        minutes=minutes,
        at_once=at_once,
    )
    wish = Wish(task, adapter, against, {"endpoint": key, "judge": judge_key, "embeddings": embeddings_key})
    with bars() as report:
        outcome = measured(settings, wish, report)
    if png is not None:
        _draw(settings, outcome, png)
    if json:
        print_json(to_values(outcome))
    else:
        _show(outcome)
    if gate and not outcome.passed:
        raise typer.Exit(1)


def _server(endpoint: str) -> str:
    return endpoint.rstrip("/").removesuffix("/v1")


def _list(json: bool) -> None:
    from learner.evaluate import load_suite, shipped

    suites = [load_suite(name) for name in shipped()]
    if json:
        told = [
            {"name": one.name, "title": one.title, "description": one.description, "rows": len(one.rows),
             "metric": one.metric.name, "also": [metric.name for metric in one.also], "rule": one.rule,
             "margin": one.margin, "weight": one.weight, "folder": str(one.folder)}
            for one in suites
        ]  # fmt: skip
        print_json({"suites": told})
        return
    table = _table("suite", "rows", "metric", "margin", "weight", "")
    for one in suites:
        margin = "none lost" if one.rule == "none-lost" else f"{one.margin:g}"
        table.add_row(
            *map(Text, (one.name, str(len(one.rows)), one.metric.name, margin, f"{one.weight:g}", one.description))
        )
    Console(highlight=False).print(table)


def _show(outcome: Outcome) -> None:
    console = Console(highlight=False)
    table = _table("suite", "metric", "value", "95%", "rows", "margin", f"against {outcome.against or 'nobody'}")
    for one in outcome.results:
        values = one.values
        table.add_row(
            *map(Text, (values["suite"], values["metric"], _number(values["value"]), _interval(values),
                        str(values["rows"]), f"{values['margin']:g}")),
            _verdict(one),
        )  # fmt: skip
        for name, found in values["detail"]["metrics"].items():
            if name != values["metric"]:
                table.add_row("", Text(name, "dim"), _number(found["value"]), Text(_interval(found), "dim"), "", "", "")
    console.print(table)
    for one in outcome.results:
        _tell(console, one)
    if outcome.gain is not None:
        console.print(f"Weighed over the suites: {outcome.gain:+.2f} margins.")


def _tell(console: Console, one: Result) -> None:
    """What a line of the table has no room for: why, the worst slices, and what could not be measured."""
    detail, said = one.values["detail"], f"{one.suite.name}: "
    if one.comparison is not None:
        console.print(Text(f"{said}{one.comparison.reason}"), soft_wrap=True)
    slices = detail["metrics"][one.values["metric"]]["slices"]
    known = [(name, found) for name, found in slices.items() if found["value"] is not None]
    ordered = sorted(known, key=lambda named: named[1]["value"], reverse=one.suite.metric.higher_is_better is False)
    if len(known) > 1:
        worst = ", ".join(f"{name} {_number(found['value'])}" for name, found in ordered[:WORST_SLICES])
        console.print(Text(f"{said}worst slices: {worst}", "dim"), soft_wrap=True)
    for reason in detail["lacking"].values():
        console.print(Text(f"{said}{reason}", "dim"), soft_wrap=True)
    if detail["cut_off"]:
        console.print(Text(f"{said}{detail['cut_off']} answers were cut off at max_tokens.", "dim"), soft_wrap=True)


def _verdict(one: Result) -> Text:
    if one.comparison is None:
        return Text("-", "dim")
    if one.comparison.passed:
        return Text("no worse", "green")
    inferior = one.comparison.whole.finding == "inferior" or one.suite.rule == "none-lost"
    return Text("worse", "bold red") if inferior else Text("not shown", "yellow")


def _table(*heads: str) -> Table:
    table = Table(box=None, header_style="dim", pad_edge=False)
    for head in heads:
        justify: Literal["left", "right"] = "right" if head in ("value", "rows", "margin", "weight") else "left"
        table.add_column(head, justify=justify, no_wrap=head not in ("", "metric"))
    return table


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _interval(found: Any) -> str:  # noqa: ANN401
    return "" if found["low"] is None or found["high"] is None else f"{found['low']:.3f} to {found['high']:.3f}"


def _draw(settings: Settings, outcome: Outcome, path: Path) -> None:
    from chatbot.control import connect
    from learner.evaluate.picture import draw

    with connect(settings) as control:
        found: Sequence[Any] = [(one.suite.title, control.evaluations(one.suite.name)) for one in outcome.results]
    try:
        draw(found, path)
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be drawn ({error}); name a .png that can be written.") from None
