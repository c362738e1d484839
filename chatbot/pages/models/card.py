"""The promotion card as HTML: each gate with a small picture of what it measured, against what, and its margin."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

WIDTH, HEIGHT, EDGE = 190, 22, 10
WORDS: Mapping[str, str] = {"off": "rt-soft", "passed": "rt-good", "stopped": "rt-bad"}
LEGEND = (
    "<p class='rt-soft'>In each picture: <b>●</b> what the gate measured, with a line to the worst that it may well "
    "be; <b>○</b> the champion; <b>│</b> what the line may not pass.</p>"
)


def card(found: Mapping[str, Any]) -> str:
    """All that is known of one adapter."""
    facts = "".join(
        f"<tr><td class='rt-soft'>{name}</td><td>{html.escape(text)}</td></tr>" for name, text in _facts(found)
    )
    gates = "".join(_gate(gate) for gate in found["gates"])
    if not gates:
        return f"<table class='rt-table'>{facts}</table><p class='rt-soft'>It went through no gates.</p>"
    head = "<tr><th>gate</th><th></th><th>measured</th><th>champion</th><th></th><th>what it found</th></tr>"
    return f"<table class='rt-table'>{facts}</table>{LEGEND}<table class='rt-table'>{head}{gates}</table>"


def _facts(found: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "state", f"{found['state']}: {found['reason']}"
    if found["recipe"]:
        yield "recipe", f"{found['recipe']}: {found['recipe_reason']}"
    if found["dataset"]:
        yield (
            "dataset",
            f"{found['dataset']}, {found['pairs']} pairs to learn from and {found['judge_pairs']} to judge by",
        )
    if (experiment := found["experiment"]) is not None:
        yield "experiment", f"{experiment['experiment_id']} {experiment['state']}: {experiment['reason']}"
    if found["approval"]:
        yield "approval", str(found["approval"])
    if found["signal"]:
        yield "side by side", str(found["signal"]["reason"])
    for one in found["approvals"]:
        told = f"from {one['from']} to {one['to']} by {one['by']}, {one['at']:%Y-%m-%d %H:%M}"
        yield str(one["action"]), f"{told}: {one['override'] or one['reason']}"
    yield "weights", f"sha256 {found['weights_sha256']}"
    if found["trouble"]:
        yield "trouble", str(found["trouble"])


def _gate(gate: Mapping[str, Any]) -> str:
    outcome = "off" if gate["skipped"] else "passed" if gate["passed"] else "stopped"
    title = html.escape(f"{gate['measures']}, as a {gate['unit']}", quote=True)
    measured, against = (_number(gate[name]) for name in ("measured", "against"))
    return (
        f"<tr><td title='{title}'>{html.escape(gate['gate'])}</td><td class='{WORDS[outcome]}'>{outcome}</td>"
        f"<td>{measured}</td><td>{against}</td><td>{picture(gate)}</td>"
        f"<td class='rt-text'>{html.escape(gate['reason'])}</td></tr>"
    )


def picture(gate: Mapping[str, Any]) -> str:
    """What was measured, the champion and the limit on one line, as SVG; nothing where nothing was measured."""
    measured, against, bound, limit = (gate[name] for name in ("measured", "against", "bound", "limit"))
    if measured is None or limit is None:
        return ""
    bound = measured if bound is None else bound
    places = _Scale([value for value in (measured, against, bound, limit) if value is not None])
    colour = "var(--rt-good)" if gate["passed"] else "var(--rt-bad)"
    champion = "" if against is None else _circle(places(against), "none", "var(--rt-soft)")
    middle, at = HEIGHT / 2, places(limit)
    told = html.escape(f"{gate['gate']}: measured {measured:.3f}, at worst {bound:.3f}, limit {limit:.3f}", quote=True)
    return (
        f"<svg role='img' aria-label='{told}' width='{WIDTH}' height='{HEIGHT}' viewBox='0 0 {WIDTH} {HEIGHT}'>"
        f"<line x1='0' x2='{WIDTH}' y1='{middle}' y2='{middle}' stroke='var(--rt-line)'/>"
        f"<line x1='{at:.1f}' x2='{at:.1f}' y1='2' y2='{HEIGHT - 2}' stroke='var(--rt-ink)' stroke-width='2'/>"
        f"<line x1='{places(measured):.1f}' x2='{places(bound):.1f}' y1='{middle}' y2='{middle}' stroke='{colour}' "
        f"stroke-width='3'/>{champion}{_circle(places(measured), colour, colour)}</svg>"
    )


class _Scale:
    """Places of values on the line."""

    def __init__(self, values: Sequence[float]) -> None:
        self._low, high = min(values), max(values)
        self._width = (high - self._low) or 1.0

    def __call__(self, value: float) -> float:
        return EDGE + (WIDTH - 2 * EDGE) * (value - self._low) / self._width


def _circle(x: float, fill: str, stroke: str) -> str:
    return f"<circle cx='{x:.1f}' cy='{HEIGHT / 2}' r='4.5' fill='{fill}' stroke='{stroke}' stroke-width='2'/>"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}"
