"""`./ratchet status`: where things stand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from chatbot.cli.options import AsJson, print_json, with_settings
from chatbot.settings import Settings

NEWEST = 5  # runs that are shown


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
        table.add_row(name, _runs(value) if name == "runs" and isinstance(value, list) and value else _shown(value))
    return table


def _runs(runs: Sequence[Mapping[str, object]]) -> Table:
    """The newest laps, one below the other: which, what came of it or how it stands, and why."""
    table = Table.grid(padding=(0, 2))
    for run in runs[:NEWEST]:
        ended = run.get("outcome") or run.get("state")
        table.add_row(*(Text(str(cell or "")) for cell in (run.get("run_id"), ended, run.get("reason"))))
    if len(runs) > NEWEST:
        table.add_row(Text(f"and {len(runs) - NEWEST} older", style="dim"))
    return table


def _shown(value: object) -> Text:
    if isinstance(value, Mapping) and {"state", "reason"} <= set(value):
        return Text(f"{value.get('experiment_id', '')} {value['state']}: {value['reason']}".strip())
    return Text(_words(value))


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
