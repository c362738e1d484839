"""The independent signal: thumbs never promote alone.

A promotion also needs reviewers, or a judge who was calibrated against people, who saw the answers of both adapters
side by side without knowing which is whose. It holds where the lower end of the 95% interval of the challenger's win
share, ties as half, is at least one half (`learner/leaderboard/share.py` has the interval). Suites alone do not count.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from analytics import Store
from learner.leaderboard import win_share

LEAST_REVIEWERS = 3
LEAST_ITEMS = 30
HALF = 0.5


@dataclass(frozen=True)
class Signal:
    """Whether `source` holds the challenger to be no worse; `source` is None where nobody has decided enough.

    `share` is the challenger's win share of `count` decisions, `lower` to `upper` its 95% interval.
    """

    source: Literal["reviewers", "judge"] | None
    share: float | None
    lower: float | None
    upper: float | None
    count: int
    holds: bool
    reason: str


def signal(store: Store, adapter: str, champion: str) -> Signal:
    """What reviewers say of `adapter` beside `champion`, or, where they have not said enough, what a judge says.

    Reviewers outrank judges: once they have decided, no judge is asked, so that nobody can pick the kinder one. A set
    counts when each of its items has a decision, so that nobody stops it at a lucky moment.
    """
    told, open_items = _decisions(store, adapter, champion, "reviewer"), _open(store, adapter, champion)
    waits = _waits(told, open_items)
    if waits is None:
        return _signal("reviewers", told)
    by_judge: dict[str, list[dict[str, Any]]] = {}
    for row in _decisions(store, adapter, champion, "judge"):
        by_judge.setdefault(row["decider"], []).append(row)
    enough = {judge: rows for judge, rows in by_judge.items() if len(rows) >= LEAST_ITEMS}
    if enough:
        # Of several judges the one who decided first, which no later one can replace.
        return _signal("judge", min(enough.values(), key=lambda rows: min(row["seq"] for row in rows)))
    return Signal(None, None, None, None, len(told), False, f"{waits} No calibrated judge has compared them either.")


def _decisions(store: Store, adapter: str, champion: str, source: str) -> list[dict[str, Any]]:
    return store.rows(
        "SELECT item_id, person, decider, score, seq FROM side_by_side_decisions "
        "WHERE challenger = ? AND champion = ? AND source = ? ORDER BY seq",
        (adapter, champion, source),
    )


def _open(store: Store, adapter: str, champion: str) -> int:
    """How many items no reviewer has decided yet."""
    (row,) = store.rows(
        "SELECT count(*) AS items FROM side_by_sides WHERE challenger = ? AND champion = ? "
        "AND item_id NOT IN (SELECT item_id FROM preference WHERE source = 'reviewer')",
        (adapter, champion),
    )
    return int(row["items"])


def _waits(rows: list[dict[str, Any]], open_items: int) -> str | None:
    """What is missing until reviewers have said enough; None when they have."""
    items, reviewers = len({row["item_id"] for row in rows}), len({row["decider"] for row in rows})
    if not rows and not open_items:
        return "Nobody was shown both side by side; start with `./ratchet side-by-side start`."
    if items < LEAST_ITEMS or reviewers < LEAST_REVIEWERS:
        return (
            f"{reviewers} reviewers decided {items} items side by side, and at least {LEAST_REVIEWERS} reviewers and "
            f"{LEAST_ITEMS} items are needed."
        )
    return f"{open_items} items side by side wait for a first decision." if open_items else None


def _signal(source: Literal["reviewers", "judge"], rows: list[dict[str, Any]]) -> Signal:
    clusters = [[row["person"] for row in rows]]
    if source == "reviewers":
        clusters.append([row["decider"] for row in rows])
    found = win_share([row["score"] for row in rows], *clusters)
    assert found.share is not None and found.lower is not None and found.upper is not None
    holds = found.lower >= HALF
    who = f"{len(set(clusters[1]))} reviewers" if source == "reviewers" else f"The judge {rows[0]['decider']}"
    reason = (
        f"{who} gave it {found.share:.3f} of {found.count} decisions side by side (95% {found.lower:.3f} to "
        f"{found.upper:.3f}); the lower end is {'at least' if holds else 'below'} 0.5."
    )
    return Signal(source, found.share, found.lower, found.upper, found.count, holds, reason)
