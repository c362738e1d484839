"""The error analysis of an adapter: where it fails, what changed most, and how much of its win is length."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from analytics import Store
from learner.leaderboard.board import compared
from learner.leaderboard.changed import Changed, most_changed
from learner.leaderboard.failures import Topic, failing_topics
from learner.leaderboard.length import LengthShare, explained_by_length
from learner.registry import Registry


@dataclass(frozen=True)
class Analysis:
    """`adapter` beside `against`."""

    adapter: str
    against: str
    topics: tuple[Topic, ...]
    changed: tuple[Changed, ...]
    length: LengthShare

    def to_values(self) -> dict[str, Any]:
        """The fields by name, for JSON."""
        return asdict(self)


def analyse(store: Store, registry: Registry, adapter: str, against: str | None = None) -> Analysis:
    """Look at `adapter` beside `against`, or beside the champion, for the champion itself beside the one before it.

    Raises UnknownAdapter.
    """
    state = registry.state()
    before = state.previous.adapter if state.previous is not None else "base"
    other = against or (before if adapter == state.champion.adapter else state.champion.adapter)
    for name in (adapter, other):
        registry.folder(name)
    return Analysis(
        adapter,
        other,
        tuple(failing_topics(store, adapter)),
        tuple(most_changed(store, adapter, other)),
        explained_by_length(compared(store, registry), adapter, other),
    )
