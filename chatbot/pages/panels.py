"""The parts of the operate page as HTML: numbers, the lap with its gates, the experiment with its interval."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any

from chatbot.pages import serving
from learner import ALIVE, came_to

WIDTH, HEIGHT = 460, 64


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
    warning = "".join(said(state[name], good=False) for name in ("warning", "approval", "policy") if state.get(name))
    screening = f"<p class='rt-soft'>Screened by {html.escape(state['classifier'])}</p>" if state["classifier"] else ""
    return f"{warning}<div class='rt-numbers'>{''.join(cells)}</div>{screening}{serving.line(state.get('serving'))}"


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


def experiment(found: Mapping[str, Any] | None) -> str:
    """The experiment with its interval."""
    if found is None:
        return _card("The experiment", "<p class='rt-soft'>None yet. It begins when an adapter passes its gates.</p>")
    head = (
        f"<p><b>{html.escape(found['challenger'])}</b> against {html.escape(found['champion'])}: "
        f"<span class='{_tone(found['state'])}'>{found['state']}</span></p>"
    )
    people = f"{found['users_challenger']} people with the challenger, {found['users_champion']} with the champion"
    drawn = _interval(found["interval"], found["difference"]) if found["interval"] else ""
    return _card("The experiment", f"{head}{drawn}<p class='rt-soft'>{people}.<br>{html.escape(found['reason'])}</p>")


def said(text: str, *, good: bool) -> str:
    """What a button came to."""
    return f"<p class='{'rt-good' if good else 'rt-bad'}'>{html.escape(text)}</p>"


def _card(title: str, body: str) -> str:
    return f"<div class='rt-card'><h3>{html.escape(title)}</h3>{body}</div>"


def _tone(state: str) -> str:
    return {"won": "rt-good", "lost": "rt-bad"}.get(state, "rt-soft")


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


def _interval(interval: Sequence[float], difference: float) -> str:
    """The difference per user with its interval, against zero, from -1 to 1 or as near as the interval allows."""
    reach = max(0.1, *(abs(end) for end in interval)) * 1.15

    def x(value: float) -> float:
        return WIDTH / 2 * (1 + value / reach)

    low, high = interval
    label = f"{difference:+.3f} per user, between {low:+.3f} and {high:+.3f}"
    return (
        f"<svg viewBox='0 0 {WIDTH} {HEIGHT}' width='100%' role='img' aria-label='{label}'>"
        f"<line x1='0' x2='{WIDTH}' y1='24' y2='24' stroke='var(--rt-line)'/>"
        f"<line x1='{x(0)}' x2='{x(0)}' y1='8' y2='40' stroke='var(--rt-soft)' stroke-dasharray='3 3'/>"
        f"<g stroke='var(--rt-accent)'>"
        f"<line x1='{x(low):.1f}' x2='{x(high):.1f}' y1='24' y2='24' stroke-width='7' stroke-linecap='round'/>"
        f"<circle cx='{x(difference):.1f}' cy='24' r='7' fill='var(--rt-paper)' stroke-width='3'/></g>"
        f"<text x='{WIDTH / 2}' y='58' text-anchor='middle' font-size='13' fill='var(--rt-soft)'>{label}</text></svg>"
    )
