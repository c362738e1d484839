"""The operate page between a won experiment and everybody: approvals, the rollout, the holdback and the drill."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any

_GUARD = {"held": "rt-good", "breached": "rt-bad"}


def panel(state: Mapping[str, Any]) -> str:
    """The cards of what there is, side by side; nothing where there is nothing."""
    cards = [
        _rollout(state["rollout"]) if state["rollout"] else _waits(state["promotion"]),
        _holdback(state["holdback"]),
        _drill(state["drill"]),
    ]
    shown = "".join(card for card in cards if card)
    back = f"<p class='rt-bad'>{html.escape(state['taken_back'])}</p>" if state["taken_back"] else ""
    return f"{back}<div class='rt-two'>{shown}</div>" if shown else back


def _rollout(found: Mapping[str, Any]) -> str:
    head = (
        f"<p><b>{html.escape(found['challenger'])}</b> has <b>{_percent(found['share'])}</b> of all people and "
        f"{_percent(found['decide_share'])} of those who decide; {html.escape(found['champion'])} has the others.</p>"
    )
    bar = f"<div class='rt-progress'><i style='width:{100 * found['share']:.0f}%'></i></div>"
    steps = " → ".join(
        f"<b>{_percent(step)}</b>" if step == found["share"] else f"<span class='rt-soft'>{_percent(step)}</span>"
        for step in found["steps"]
    )
    since = f"{found['people']} people have met it in this step, for {found['minutes']:.0f} minutes."
    promised = f"{_figure(found['promised'])}, the best of {found['tried']} tried"
    rows = [("in the experiment", promised), ("on fresh votes", _effect(found["fresh"]))]
    rails = " · ".join(
        f"<span class='{_GUARD.get(rail['state'], 'rt-soft')}' title='{html.escape(rail['reason'], quote=True)}'>"
        f"{html.escape(rail['name'])} {rail['state']}</span>"
        for rail in found["guardrails"]
    )
    return _card(
        "On the way to everybody",
        f"{head}{bar}<p>{steps}</p>{_table(rows)}<p>{rails}</p>"
        f"<p class='rt-soft'>{html.escape(found['reason'])}<br>{since}</p>",
    )


def _waits(found: Mapping[str, Any] | None) -> str:
    if found is None or not (found["won"] or found["approvals"] or found["needed"]):
        return ""
    who = ", ".join(one["name"] for one in found["approvals"]) or "nobody yet"
    signal = found["signal"]
    rows = [
        ("experiment", "won" if found["won"] else "not decided"),
        ("approved of by", f"{html.escape(who)} ({len(found['approvals'])} of {found['needed']})"),
        ("side by side", "not asked for" if signal is None else html.escape(signal["reason"])),
    ]
    waits = f"<p class='rt-soft'>{html.escape(found['waits'])}</p>" if found["won"] and found["waits"] else ""
    return _card(f"Before {html.escape(found['adapter'])} goes to everybody", _table(rows) + waits)


def _holdback(found: Mapping[str, Any] | None) -> str:
    if found is None:
        return ""
    head = (
        f"<p><b>{html.escape(found['champion'])}</b> against {html.escape(found['previous'])}, with which "
        f"{_percent(found['share'])} of all people stay.</p>"
    )
    broken = [rail["name"] for rail in found["guardrails"] if rail["state"] == "breached"]
    open_ = [rail["name"] for rail in found["guardrails"] if rail["state"] == "open"]
    told = f"breached: {', '.join(broken)}" if broken else f"not yet shown: {', '.join(open_)}" if open_ else "all held"
    return _card(
        "Since the promotion", head + _table([("votes", _effect(found["effect"])), ("guardrails", html.escape(told))])
    )


def _drill(found: Mapping[str, Any] | None) -> str:
    if found is None:
        return ""
    tone = {"passed": "rt-good", "failed": "rt-bad"}.get(found["state"], "rt-soft")
    day = f"{found['at']:%d %B %Y}" if hasattr(found["at"], "strftime") else str(found["at"])[:10]
    head = f"<p><span class='{tone}'>{found['state']}</span> on {day}</p>"
    return _card("The last drill of a rollback", f"{head}<p class='rt-soft'>{html.escape(found['reason'])}</p>")


def _effect(found: Mapping[str, Any]) -> str:
    people = f"{found['users_new']} people with it and {found['users_old']} without"
    if found["lower"] is None:
        return f"{_figure(found['difference'])}, {people}"
    return f"{_figure(found['difference'])}, between {found['lower']:+.3f} and {found['upper']:+.3f}, {people}"


def _figure(value: float | None) -> str:
    return "nothing yet" if value is None else f"{value:+.3f} per person"


def _percent(share: float) -> str:
    return f"{100 * share:g}%"


def _table(rows: Sequence[tuple[str, str]]) -> str:
    cells = "".join(f"<tr><td class='rt-soft'>{name}</td><td>{value}</td></tr>" for name, value in rows)
    return f"<table class='rt-table'>{cells}</table>"


def _card(title: str, body: str) -> str:
    return f"<div class='rt-card'><h3>{title}</h3>{body}</div>"
