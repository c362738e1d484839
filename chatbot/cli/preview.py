"""`./ratchet preview`: what another routing would have come to, from the log, before anybody sees it."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from chatbot.cli.options import AsJson, print_json, with_settings
from chatbot.settings import Settings


@with_settings("home")
def preview(
    settings: Settings,
    adapter: Annotated[str | None, typer.Option(help="An arm of the newest experiment, for everybody.")] = None,
    share: Annotated[
        float | None, typer.Option(min=0, max=1, help="Part of the people that meets the challenger; all if left out.")
    ] = None,
    json: AsJson = False,
) -> None:
    """Say what thumbs up would have come to under another routing, by IPS and doubly robust, with intervals."""
    from chatbot.control import connect

    with connect(settings) as control:
        found = control.preview(adapter, share)
    if json:
        print_json(found)
    else:
        Console().print(_table(found))


def _table(found: dict[str, Any]) -> Table:
    table = Table(title=f"{found['experiment_id']}: thumbs up, from {found['users']} people", title_justify="left")
    for name in ("challenger's share", "doubly robust", "inverse propensities", "worth people"):
        table.add_column(name, justify="right")
    for name in ("preview", "now"):
        row = found[name]
        cells = [_interval(row[way]) for way in ("doubly_robust", "ips")]
        table.add_row(f"{row['share']:.0%}", *cells, f"{row['effective_users']:.0f}")
    return table


def _interval(estimate: dict[str, float]) -> str:
    return f"{estimate['value']:.3f} ({estimate['lower']:.3f} to {estimate['upper']:.3f})"
