"""`./ratchet status`: where things stand."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Console
from rich.table import Table
from rich.text import Text

from chatbot.cli.options import AsJson, print_json, with_settings
from chatbot.settings import Settings


@with_settings("home")
def status(settings: Settings, json: AsJson = False) -> None:
    """Show the champion, the challenger, the experiment, what was gathered so far and whether the audit chain holds."""
    from chatbot.control import connect

    with connect(settings) as control:
        state = control.status()
    if json:
        print_json(state)
    else:
        Console().print(_table(state))


def _table(state: Mapping[str, object]) -> Table:
    table = Table.grid(padding=(0, 3))
    table.add_column(style="dim")
    table.add_column()
    for name, value in state.items():
        table.add_row(name, Text(_words(value)))
    return table


def _words(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_words(part)}" for name, part in value.items())
    if isinstance(value, list):
        return "\n".join(map(_words, value)) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.3f}" if isinstance(value, float) else str(value)
