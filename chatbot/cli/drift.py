"""`./ratchet drift`: whether traffic or answers have moved."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from chatbot.cli.options import AsJson, print_json, with_settings
from chatbot.settings import Settings

NEWEST = 8  # windows that are shown
COLUMNS = ("length", "distinct-2", "refusals", "up", "rating", "flags")


@with_settings("home")
def drift(
    settings: Settings,
    png: Annotated[Path | None, typer.Option(help="Draw the curves to this file.")] = None,
    acknowledge: Annotated[str | None, typer.Option(help="Id of an alarm to close.")] = None,
    note: Annotated[str, typer.Option(help="With --acknowledge: what was found out; goes to the audit.")] = "",
    accept: Annotated[
        bool, typer.Option("--accept", help="With --acknowledge: what came since is normal from now on.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Show windows of traffic, generations, and the alarms of what moved; or acknowledge an alarm."""
    from chatbot.control import connect

    if acknowledge is None and (note or accept):
        raise typer.BadParameter("--note and --accept go with --acknowledge ALARM")
    with connect(settings) as control:
        if acknowledge is not None:
            control.acknowledge_drift(acknowledge, note, accept)
        report = control.drift()
    if png is not None:
        from chatbot.drift_picture import picture

        picture(report, png)
    if json:
        print_json(report)
    else:
        _show(report, Console(highlight=False))


def _show(report: Mapping[str, Any], console: Console) -> None:
    if not report["windows"]:
        console.print(f"No window of {report['window_hours']:g} hours is over yet.")
        return
    table = Table("until (UTC)", "generation", "people", *COLUMNS, "", box=None, header_style="dim", pad_edge=False)
    for window in report["windows"][-NEWEST:]:
        figures, moved = window["figures"], [test["metric"] for test in window["tests"] if test["moved"]]
        cells = [f"{figures[name]:.3g}" if name in figures else "-" for name in COLUMNS]
        until = f"{datetime.fromtimestamp(window['ended'], UTC):%Y-%m-%d %H:%M}"
        generation = f"{window['generation']}: {window['adapter']}"
        told = f"moved: {', '.join(moved)}" if moved else "" if window["tests"] else "not compared"
        table.add_row(until, generation, str(window["people"]), *cells, Text(told, "red" if moved else "dim"))
    console.print(table)
    waiting = [alarm for alarm in report["alarms"] if alarm["state"] == "open"]
    for alarm in waiting:
        console.print(Text.assemble((alarm["alarm_id"], "bold red"), f"  {alarm['reason']}"), soft_wrap=True)
    console.print("No alarm is open." if not waiting else "Close one: ./ratchet drift --acknowledge ALARM --note WHY")
