"""`./ratchet status`: where things stand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

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
        if isinstance(value, Mapping) and "experiment_id" in value:
            table.add_row(name, _experiment(value))
            continue
        table.add_row(name, _runs(value) if isinstance(value, list) else Text(_words(value)))
    return table


def _experiment(found: Mapping[str, Any]) -> Table:
    """The experiment with everything that its judgement has, one line each."""
    from chatbot.saying_experiment import lines

    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim")
    for name, words in lines(found):
        table.add_row(name, Text(words))
    return table


def _runs(runs: Sequence[Mapping[str, Any]]) -> Table | Text:
    """The newest laps, one below the other: which, what came of it or how it stands, and why."""
    from learner import came_to

    if not runs:
        return Text("none")
    table = Table.grid(padding=(0, 2))
    for run in runs[:NEWEST]:
        table.add_row(*map(Text, (run["run_id"], came_to(run), run["reason"])))
    if len(runs) > NEWEST:
        table.add_row(Text(f"and {len(runs) - NEWEST} older", style="dim"))
    return table


def _words(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, Mapping) and (told := _known(value)) is not None:
        return told
    if isinstance(value, Mapping) and "told" in value:
        return str(value["told"])
    if isinstance(value, Mapping):
        return "-" if not value else ", ".join(f"{name} {_words(part)}" for name, part in value.items())
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _known(value: Mapping[str, Any]) -> str | None:
    """An experiment, what its winner waits for, a rollout, a holdback or a drill in a sentence."""
    if "following" in value:
        return f"{value['challenger']} has {value['share']:.0%} of all people: {value['reason']}"
    if "needed" in value and "approvals" in value:
        approved = f"approved of by {len(value['approvals'])} of {value['needed']}"
        return f"{value['adapter']}: {approved}. {value['waits'] or 'It waits for nothing.'}"
    if "effect" in value:
        effect = value["effect"]
        since = "nothing yet" if effect["difference"] is None else f"{effect['difference']:+.3f} per person"
        if effect["lower"] is not None:
            since += f", between {effect['lower']:+.3f} and {effect['upper']:+.3f}"
        people = f"{effect['users_new'] + effect['users_old']} people with a vote"
        return f"{value['champion']} against {value['previous']}, which {value['share']:.0%} keep: {since}, {people}"
    if "drill_id" in value:
        return f"{str(value['at'])[:10]} {value['state']}: {value['reason']}"
    if "experiment_id" in value:
        return f"{value['experiment_id']} {value['state']}: {value['reason']}"
    return None
