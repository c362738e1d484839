"""The figures as tables on the screen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.gateway.figures import BESIDE, TARGETS

NAMES = {
    "direct": "vLLM directly",
    "ratchet": "Ratchet, light filters",
    "ratchet_defaults": "Ratchet, its defaults",
    "litellm": "LiteLLM",
}
VERDICT = {True: "[green]met[/]", False: "[red]not met[/]", None: "not measured"}


def show(result: Mapping[str, Any], console: Console) -> None:
    """Print whatever was measured, and the goals beside it."""
    if result["streams"]:
        console.print(_throughput(result))
    if any(result["max_rps"].values()):
        console.print(_overhead(result))
    console.print(_goals(result))


def _throughput(result: Mapping[str, Any]) -> Table:
    table = Table(title="Tokens per second, medians")
    for head in ("streams", *(NAMES[name] for name in TARGETS)):
        table.add_column(head, justify="right")
    for streams, rates in result["streams"].items():
        table.add_row(streams, *(_number(rates[name]) for name in TARGETS))
    told = f"vLLM with its own defaults, {result['ratio_streams']} streams: {_number(result['vllm_defaults'])}"
    table.caption = told
    return table


def _overhead(result: Mapping[str, Any]) -> Table:
    table = Table(title="What a gateway adds before the fake engine")
    for head in ("", *(NAMES[name] for name in TARGETS[1:])):
        table.add_column(head, justify="right" if head else "left")
    for key, what in (("added_ttft_ms", "first token, ms"), ("added_total_ms", "whole answer, ms")):
        for share in result[key]:
            beside = (_number(result[f"{name}_{key}"][share]) for name in BESIDE)
            table.add_row(f"{what}, {share}", _number(result[key][share]), *beside)
    beside = (_number(result[f"{name}_added_token_us"]) for name in BESIDE)
    table.add_row("a token, µs", _number(result["added_token_us"]), *beside)
    table.caption = f"Ratchet without filters, first token: {_shares(result['ratchet_unscreened_added_ttft_ms'])} ms"
    cpu = result["cpu_ms_per_answer"]
    table.add_row("processor time, ms", *(_number(cpu.get(name)) for name in TARGETS[1:]))
    table.add_row("requests/s held", *(_number(result["max_rps"][name]) for name in TARGETS[1:]))
    return table


def _goals(result: Mapping[str, Any]) -> Table:
    table = Table(title="Goals")
    for head in ("", "measured", "bound", ""):
        table.add_column(head)
    for goal in result["goals"].values():
        table.add_row(goal["what"], _number(goal["value"]), _number(goal["bound"]), VERDICT[goal["met"]])
    return table


def _shares(values: Mapping[str, float | None]) -> str:
    return ", ".join(f"{name} {_number(value)}" for name, value in values.items())


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:,.2f}" if abs(value) < 100 else f"{value:,.0f}"
