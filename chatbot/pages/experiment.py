"""The experiment as HTML: the difference with its interval, and everything else that its judgement has."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from math import log10
from typing import Any

from chatbot import saying_experiment as say

WIDTH, HEIGHT = 460, 64
STREAM_HEIGHT = 96
NEWEST = 40  # candidates of the stream that are drawn
TONES = {"won": "rt-good", "lost": "rt-bad", "stopped": "rt-bad", "held": "rt-good", "breached": "rt-bad"}
Found = Mapping[str, Any]


def panel(found: Found | None) -> str:
    """The card."""
    if found is None:
        return _card("<p class='rt-soft'>None yet. It begins when an adapter passes its gates.</p>")
    challenger, champion = (html.escape(found[name]) for name in ("challenger", "champion"))
    head = f"<p><b>{challenger}</b> against {champion}: {_state(found['state'])}</p>"
    parts = (
        head,
        _difference(found),
        f"<p>{html.escape(found['reason'])}</p>",
        _meter(found),
        _rows(found),
        _guardrails(found["guardrails"]),
        _segments(found["segments"]),
        _stream(found["stream"]),
    )
    return _card("".join(parts))


def _card(body: str) -> str:
    return f"<div class='rt-card rt-experiment'><h3>The experiment</h3>{body}</div>"


def _state(state: str) -> str:
    return f"<span class='{TONES.get(state, 'rt-soft')}'>{state}</span>"


def _difference(found: Found) -> str:
    drawn = ""
    if found["interval"]:
        drawn = "<p class='rt-soft'>By votes</p>" + _interval(found["interval"], found["difference"])
    cohort = found["comparisons"]
    if cohort and cohort["lower"] is not None:
        bounds = (cohort["lower"], cohort["upper"])
        drawn += "<p class='rt-soft'>By comparisons, a cohort of its own</p>" + _interval(bounds, cohort["difference"])
    return drawn


def _meter(found: Found) -> str:
    """How much of the data that a decision needs is there."""
    words = say.needed(found["needed"])
    if words is None:
        return ""
    people = found["needed"]["people"]
    share = 0.0 if people is None else found["users"] / max(1, found["users"] + people)
    bar = f"<i style='width:{100 * share:.0f}%'></i>"
    meter = f"<div class='rt-progress' role='img' aria-label='{share:.0%} of the data is there'>{bar}</div>"
    return f"<p class='rt-soft'>Still needed</p>{meter}<p>{html.escape(words)}</p>"


def _rows(found: Found) -> str:
    left_out = {found["experiment_id"], "difference", "still needed", "segment"}
    rows = [
        (name, words) for name, words in say.lines(found) if name not in left_out and not name.startswith("guardrail")
    ]
    cells = "".join(
        f"<tr><td class='rt-soft'>{html.escape(name)}</td><td>{html.escape(words)}</td></tr>" for name, words in rows
    )
    return f"<table class='rt-table'>{cells}</table>"


def _guardrails(rails: Sequence[Found]) -> str:
    if not rails:
        return ""
    rows = "".join(
        f"<tr><td>{html.escape(rail['name'])}</td>"
        f"<td>{_bound(rail, 'lower')} to {_bound(rail, 'upper')}</td>"
        f"<td>{say.harm(rail, rail['margin'])}</td><td>{_state(rail['state'])}</td></tr>"
        for rail in rails
    )
    return (
        f"<table class='rt-table'><tr><th>guardrail</th><th>worse by</th><th>allowed</th><th></th></tr>{rows}</table>"
    )


def _bound(rail: Found, end: str) -> str:
    return "?" if rail[end] is None else say.harm(rail, rail[end])


def _segments(rows: Sequence[Found]) -> str:
    if not rows:
        return ""
    cells = "".join(
        f"<tr><td>{html.escape(row['segment'])}</td><td>"
        f"{say.interval(row.get('lower'), row.get('upper'))}</td>"
        f"<td>{row['alpha']:.2g}</td><td>{_state(row['state'])}</td></tr>"
        for row in rows
    )
    return f"<table class='rt-table'><tr><th>segment</th><th>difference</th><th>alpha</th><th></th></tr>{cells}</table>"


def _stream(stream: Found | None) -> str:
    """What each candidate could spend, on a logarithmic scale, and what is left for all that come."""
    if stream is None:
        return ""
    shown = [*stream["candidates"][-NEWEST:], {"level": stream["next"], "state": "next", "experiment_id": "the next"}]
    top, low = log10(stream["alpha"]), log10(min(row["level"] for row in shown)) - 0.3
    step = WIDTH / max(12, len(shown))
    bars = "".join(
        _bar(row, step * at, step, (log10(row["level"]) - low) / (top - low)) for at, row in enumerate(shown)
    )
    left = f"{stream['left']:.2g} of {stream['alpha']:.2g} left for all candidates to come"
    return (
        f"<p class='rt-soft'>Error over the stream: {left}</p>"
        f"<svg viewBox='0 0 {WIDTH} {STREAM_HEIGHT}' width='100%' role='img' aria-label='{left}'>{bars}"
        f"<line x1='0' x2='{WIDTH}' y1='{STREAM_HEIGHT - 18}' y2='{STREAM_HEIGHT - 18}' stroke='var(--rt-line)'/>"
        f"<text x='0' y='{STREAM_HEIGHT - 4}' font-size='12' fill='var(--rt-soft)'>"
        f"what each candidate may spend, log scale; the last bar is the next one</text></svg>"
    )


def _bar(row: Found, x: float, step: float, share: float) -> str:
    tall = max(3.0, share * (STREAM_HEIGHT - 24))
    colour = {"won": "var(--rt-good)", "next": "var(--rt-accent)"}.get(row["state"], "var(--rt-soft)")
    title = html.escape(f"{row['experiment_id']}: {row['level']:.2g}, {row['state']}")
    y = STREAM_HEIGHT - 18 - tall
    return (
        f"<rect x='{x + 1:.1f}' y='{y:.1f}' width='{step - 3:.1f}' height='{tall:.1f}' rx='2' fill='{colour}'>"
        f"<title>{title}</title></rect>"
    )


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
