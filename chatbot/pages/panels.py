"""The parts of the operate page as HTML: numbers, and the lap with its gates."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any

from chatbot.pages import serving
from learner import ALIVE, came_to


def numbers(state: Mapping[str, Any], share_up: float | None) -> str:
    """The row on top, below what needs a person if anything does, and which classifier screens."""
    shown = (
        (state["champion"], "champion"),
        (state["challenger"] or "none", "challenger"),
        ("no votes yet" if share_up is None else f"{share_up:.0%}", "thumbs up, 7 days"),
        (f"{state['people']:,}", "people"),
        (f"{state['turns']:,}", "answers"),
        (f"{state['feedback']:,}", "pieces of feedback"),
    )
    cells = (
        f"<div class='rt-number'><b>{html.escape(str(value))}</b><span>{name}</span></div>" for value, name in shown
    )
    audit = (state.get("audit") or {}).get("reason")
    told = [*(state.get(name) for name in ("warning", "approval", "policy", "drift")), audit]
    warning = "".join(said(one, good=False) for one in told if one)
    screening = f"<p class='rt-soft'>Screened by {html.escape(state['classifier'])}</p>" if state["classifier"] else ""
    own = ", ".join(f"{segment} by {adapter}" for segment, adapter in state["segments"].items())
    segments = f"<p class='rt-soft'>Segments with a champion of their own: {html.escape(own)}</p>" if own else ""
    serves = serving.line(state.get("serving"))
    return f"{warning}<div class='rt-numbers'>{''.join(cells)}</div>{segments}{screening}{serves}"


def lap(runs: Sequence[Mapping[str, Any]]) -> str:
    """The newest lap: how far it is, or what its gates said."""
    if not runs:
        return _card(
            "The lap", "<p class='rt-soft'>No lap yet. One starts by itself when there is enough feedback.</p>"
        )
    run = runs[0]
    reason = f"<p>{html.escape(str(run['reason']))}</p>"
    if run["state"] in ALIVE:
        left = f", about {run['eta_s']:.0f} s left" if run["eta_s"] else ""
        bar = f"<div class='rt-progress'><i style='width:{100 * run['progress']:.0f}%'></i></div>"
        return _card(f"Lap {run['run_id']}", f"{reason}{bar}<p class='rt-soft'>{run['phase']}{left}</p>")
    outcome = came_to(run)
    tone = "rt-good" if outcome == "passed" else "rt-bad" if outcome in ("failed", "rejected") else "rt-soft"
    head = f"<p><span class='{tone}'>{outcome}</span> {html.escape(run['adapter'] or '')}</p>"
    return _card(
        f"Lap {run['run_id']}",
        head + (_gates(run["gates"]) if run["state"] == "succeeded" and run["gates"] else reason),
    )


def said(text: str, *, good: bool) -> str:
    """What a button came to."""
    return f"<p class='{'rt-good' if good else 'rt-bad'}'>{html.escape(text)}</p>"


def _card(title: str, body: str) -> str:
    return f"<div class='rt-card'><h3>{html.escape(title)}</h3>{body}</div>"


def _gates(gates: Sequence[Mapping[str, Any]]) -> str:
    rows = "".join(
        f"<tr><td>{gate['gate'].replace('_', ' ')}</td>"
        f"<td>{_figure(gate['measured'])}</td><td>{_figure(gate['against'])}</td>"
        f"<td class='{'rt-good' if gate['passed'] else 'rt-bad'}'>{_verdict(gate)}</td></tr>"
        f"<tr class='rt-why'><td colspan='4' class='rt-soft'>{html.escape(gate['reason'])}</td></tr>"
        for gate in gates
    )
    return f"<table class='rt-table'><tr><th>gate</th><th>challenger</th><th>champion</th><th></th></tr>{rows}</table>"


def _figure(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}"


def _verdict(gate: Mapping[str, Any]) -> str:
    return "does not apply" if gate["skipped"] else "passed" if gate["passed"] else "stopped"
