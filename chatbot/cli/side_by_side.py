"""`./ratchet side-by-side`: blind comparisons of two adapters, by reviewers or by a calibrated judge."""

from __future__ import annotations

import json as json_
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from chatbot.cli.learn import watch
from chatbot.cli.options import AsJson, print_json, with_settings
from chatbot.errors import UserError
from chatbot.settings import Settings

app = typer.Typer(
    help="Blind comparisons of two adapters, by reviewers or a calibrated judge: what a promotion needs beside thumbs.",
    no_args_is_help=True,
)


@app.command()
@with_settings("home")
def start(
    settings: Settings,
    adapter: Annotated[str, typer.Option(help="The adapter that may become champion, as name@version.")],
    against: Annotated[str, typer.Option(help="The other one, or 'champion'.")] = "champion",
    count: Annotated[int, typer.Option(min=1, max=1000, help="Prompts.")] = 60,
    prompts: Annotated[
        Path | None,
        typer.Option(
            help='JSONL file with "prompt" or "messages" in each line; without it, questions of people of the decide '
            "group who agreed."
        ),
    ] = None,
    json: AsJson = False,
) -> None:
    """Have two adapters answer the same prompts; what differs waits for reviewers, who do not see which is whose."""
    from chatbot.control import connect

    asked = [] if prompts is None else _read(prompts)
    with connect(settings) as control:
        run = watch(control, control.compare(adapter, None if against == "champion" else against, count, asked))
    if json:
        print_json(run)
    else:
        Console().print(Text(f"{run['run_id']}: {run['reason']}"))
    if run["state"] != "succeeded":
        raise typer.Exit(1)


@app.command()
@with_settings("home")
def status(settings: Settings, json: AsJson = False) -> None:
    """Show every set, how much of it is decided, and what that comes to."""
    from chatbot.control import connect

    with connect(settings) as control:
        sets = control.side_by_sides()
    if json:
        print_json({"sets": sets})
        return
    if not sets:
        Console().print("Nothing was compared yet; start with `./ratchet side-by-side start --adapter NAME`.")
        return
    console = Console()
    console.print(_table(sets))
    for pair, reason in {(one["challenger"], one["champion"]): one["signal"]["reason"] for one in sets}.items():
        console.print(Text(f"{pair[0]} beside {pair[1]}: {reason}"), soft_wrap=True)


@app.command()
@with_settings("home")
def judge(
    settings: Settings,
    of: Annotated[str, typer.Option("--set", help="The set, as `status` names it.")],
    judge: Annotated[Path, typer.Option(help="File that `judge calibrate` wrote.")],
    at_once: Annotated[int, typer.Option(min=1, max=256, help="Requests at the same time.")] = 8,
    tokens: Annotated[int, typer.Option(min=0, help="Tokens that it may use up; 0 is no limit.")] = 0,
    json: AsJson = False,
) -> None:
    """Have a calibrated judge decide a set in both orders; what changes with the order is a tie."""
    from chatbot.control import connect
    from learner.judges import Cache, Case
    from learner.judges.record import JudgeRecord

    trusted = JudgeRecord.read(judge).trusted(Cache(settings.home / "judges" / "cache.jsonl"), at_once, tokens)
    with connect(settings) as control:
        items = control.side_by_side_items(of)
        verdicts = trusted.compare(
            [Case(tuple(item["messages"]), item["answer_a"], item["answer_b"]) for item in items]
        )
        said = {"first": "a", "second": "b", None: "tie"}
        choices = {item["item_id"]: said[verdict.winner] for item, verdict in zip(items, verdicts, strict=True)}
        control.judge_side_by_sides(of, trusted.identity, choices)
        (found,) = (one for one in control.side_by_sides() if one["set_id"] == of)
    if json:
        print_json({**found, "unread": sum(not verdict.read for verdict in verdicts), "cost": trusted.cost.to_values()})
    else:
        Console().print(_table([found]))


def _read(path: Path) -> list[list[dict[str, str]]]:
    found = []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read ({error}).") from None
    for number, line in enumerate(lines, start=1):
        if line.strip():
            found.append(_prompt(line, f"{path}, line {number}"))
    if not found:
        raise UserError(f"{path} has no prompt in it.")
    return found


def _prompt(line: str, place: str) -> list[dict[str, str]]:
    try:
        row = json_.loads(line)
        messages = row["messages"] if "messages" in row else [{"role": "user", "content": row["prompt"]}]
        told = [{"role": str(message["role"]), "content": message["content"]} for message in messages]
    except (ValueError, KeyError, TypeError):
        raise UserError(f'{place} is no prompt; write {{"prompt": "..."}} or {{"messages": [...]}}.') from None
    if not told or told[-1]["role"] != "user" or not all(isinstance(one["content"], str) for one in told):
        raise UserError(f"{place}: the last message must be the user's, and each must be text.")
    return told


def _table(sets: Sequence[Mapping[str, Any]]) -> Table:
    table = Table("set", "challenger", "champion", "items", "reviewers", "judge", box=None, pad_edge=False)
    for one in sets:
        told = (_share(one["reviewer"], "reviewers"), _share(one["judge"], "judges"))
        table.add_row(one["set_id"], one["challenger"], one["champion"], str(one["items"]), *told)
    return table


def _share(decided: Mapping[str, Any], who: str) -> str:
    if not decided["decisions"]:
        return "-"
    low, high = decided["interval"]
    return f"{decided['share']:.3f} ({low:.3f} to {high:.3f}) of {decided['decisions']} by {decided['deciders']} {who}"
