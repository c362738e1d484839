"""`./ratchet errors` and `./ratchet leaderboard`: how adapters compare, and where one of them fails."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from chatbot.cli.options import AsJson, print_json, with_settings
from chatbot.errors import UserError
from chatbot.settings import Settings

EXAMPLE = 70  # characters


@with_settings("home")
def errors(
    settings: Settings,
    adapter: Annotated[str, typer.Option(help="The adapter to look at, as name@version.")],
    against: Annotated[str | None, typer.Option(help="Another adapter; the champion if left out.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write the whole analysis to this file as well.")] = None,
    json: AsJson = False,
) -> None:
    """Where an adapter fails, by topic; its 20 most changed answers; and how much of its win is length."""
    from chatbot.control import connect
    from chatbot.error_report import document

    with connect(settings) as control:
        found = control.adapter_errors(adapter, against)
    if html is not None:
        try:
            html.write_text(document(found), encoding="utf-8")
        except OSError as error:
            raise UserError(f"{html} cannot be written ({error.strerror}).") from None
    if json:
        print_json(found)
        return
    console = Console()
    console.print(Text(f"{adapter} beside {found['against']}: {found['length']['reason']}"), soft_wrap=True)
    console.print(_topics(found))
    console.print(_changed(found))
    if html is not None:
        console.print(Text(f"The whole analysis: {html}"), soft_wrap=True)


@with_settings("home")
def leaderboard(
    settings: Settings,
    style: Annotated[bool, typer.Option("--style", help="Control for length and markdown.")] = False,
    source: Annotated[
        list[str] | None, typer.Option(help="Whose votes count: people, reviewers or judges; may be repeated.")
    ] = None,
    json: AsJson = False,
) -> None:
    """Every adapter by everything that was said of two answers side by side."""
    from chatbot.control import connect
    from learner.leaderboard.votes import SOURCES

    if unknown := set(source or ()) - set(SOURCES):
        raise typer.BadParameter(f"{min(unknown)!r} is none of {', '.join(SOURCES)}", param_hint="--source")
    with connect(settings) as control:
        found = control.leaderboard(source or list(SOURCES), style)
    if json:
        print_json(found)
        return
    table = Table("rank", "adapter", "rating", "95%", "votes", "against the champion", box=None, pad_edge=False)
    for one in found["standings"]:
        interval = "-" if one["lower"] is None else f"{one['lower']:.0f} to {one['upper']:.0f}"
        expected = "-" if one["expected"] is None else f"{one['expected']:.1%}"
        table.add_row(str(one["rank"]), one["adapter"], f"{one['rating']:.0f}", interval, str(one["votes"]), expected)
    Console().print(table if found["standings"] else "No two adapters were compared yet.")


def _topics(found: Mapping[str, Any]) -> Table:
    table = Table("topic", "failed", "of answers", "for example", box=None, pad_edge=False)
    for topic in found["topics"]:
        example = topic["examples"][0]["question"][:EXAMPLE]
        rate = f"{topic['rate']:.0%} of {topic['answers']}"
        table.add_row(*map(Text, (topic["words"], str(topic["failures"]), rate, example)))
    return table


def _changed(found: Mapping[str, Any]) -> Table:
    table = Table("changed", "question", found["against"], found["adapter"], box=None, pad_edge=False)
    for one in found["changed"]:
        texts = (one[name][:EXAMPLE] for name in ("question", "champion", "challenger"))
        table.add_row(f"{one['changed']:.0%}", *map(Text, texts))
    return table
