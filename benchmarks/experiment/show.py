"""The figures as tables on the screen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

NAMES = {
    "ours": "ours",
    "naive": "naive peeking",
    "fixed": "fixed horizon",
    "track_and_stop": "track-and-stop",
    "raw_mixture": "beta mixture on raw wins",
    "plain means": "plain means",
    "equation_9": "AsympCS, eq. 9",
}


def show(result: Mapping[str, Any], console: Console) -> None:
    """Print the rates of false wins, the users and the saving, and the goals beside them."""
    console.print(_rates("False wins, thumbs", result["false_wins"]))
    console.print(_rates("False wins, comparisons", result["false_wins_comparisons"]))
    moved = {
        rule: {plan: rates[rule] for plan, rates in result["false_wins_moving"].items()}
        for rule in ("ours", "plain means")
    }
    console.print(_by_column("False wins while times change, by plan", moved, "{:.1%}"))
    console.print(_by_column("Users to decide, median", result["users_to_decide"], "{:,.0f}"))
    console.print(_by_column("Lost thumbs up of 10,000 users", result["regret"], "{:,.0f}"))
    saved = {rule: {power: of["saving"] for power, of in by.items()} for rule, by in result["saving_by_power"].items()}
    console.print(_by_column("Users saved to a fixed horizon, by power", saved, "{:.0%}"))
    for name, met in result["met"].items():
        console.print(f"{name}: {'[green]met[/]' if met else '[red]not met[/]'}")


def _rates(title: str, rates: Mapping[str, Mapping[str, Mapping[str, float]]]) -> Table:
    flat = {
        rule: {f"{votes} · {icc}": rate for votes, row in by.items() for icc, rate in row.items()}
        for rule, by in rates.items()
    }
    return _by_column(f"{title}: votes of a person · ICC", flat, "{:.1%}")


def _by_column(title: str, rows: Mapping[str, Mapping[str, float]], form: str) -> Table:
    table = Table(title=title)
    for head in ("", *next(iter(rows.values()))):
        table.add_column(head, justify="right" if head else "left")
    for rule, row in rows.items():
        table.add_row(NAMES[rule], *(form.format(value) for value in row.values()))
    return table
