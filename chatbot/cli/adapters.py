"""`./ratchet adapters`: what was trained, and the promotion card of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from chatbot.cli.options import AsJson, print_json, with_settings
from chatbot.settings import Settings


@with_settings("home")
def adapters(
    settings: Settings,
    adapter: Annotated[
        str | None, typer.Argument(help="Adapter as name@version, for its card; all if left out.")
    ] = None,
    json: AsJson = False,
) -> None:
    """Show every adapter and what became of it, or all that is known of one: gates, experiment, approvals."""
    from chatbot.control import connect

    with connect(settings) as control:
        found = control.adapters() if adapter is None else control.card(adapter)
    if json:
        print_json({"adapters": found} if isinstance(found, list) else found)
    else:
        Console().print(_all(found) if isinstance(found, list) else _card(found))


def _all(rows: Sequence[Mapping[str, Any]]) -> Table | Text:
    if not rows:
        return Text("No adapter yet; a lap makes one of what people said.")
    return _table(("adapter", "state", "why"), ([row["adapter"], row["state"], row["reason"]] for row in rows))


def _card(card: Mapping[str, Any]) -> Group:
    about = ("adapter", "state", "reason", "recipe", "dataset", "run_id", "weights_sha256", "approval", "trouble")
    head = Table.grid(padding=(0, 3))
    for name in about:
        if card[name]:
            head.add_row(Text(name, style="dim"), Text(str(card[name])))
    if (experiment := card["experiment"]) is not None:
        told = f"{experiment['experiment_id']} {experiment['state']}: {experiment['reason']}"
        head.add_row(Text("experiment", style="dim"), Text(told))
    for one in card["approvals"]:
        told = f"{one['action']} from {one['from']} to {one['to']} by {one['by']}: {one['override'] or one['reason']}"
        head.add_row(Text("decided", style="dim"), Text(told))
    gates = ([gate["gate"], outcome(gate), gate["reason"]] for gate in card["gates"])
    return Group(head, Text(""), _table(("gate", "", "what it found"), gates))


def outcome(gate: Mapping[str, Any]) -> str:
    """What a gate said, in a word: passed, stopped, or off, which is also where it does not apply."""
    return "off" if gate["skipped"] else "passed" if gate["passed"] else "stopped"


def _table(head: Sequence[str], rows: Any) -> Table:  # noqa: ANN401 - an iterable of lists of text
    table = Table(box=None, padding=(0, 2, 0, 0))
    for name in head:
        table.add_column(name, header_style="dim", overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    return table
