"""Champions of segments: who is served another adapter than everybody, because it won for them alone.

A row says: under this champion, this segment is served that adapter. So another champion begins without any, and a
champion that is brought back has those of its time again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from analytics import Event, SegmentChampion, Store
from learner.experiment.route import Arm, Route
from learner.segmenting import Messages, Segmenting


class SegmentChampions:
    """What segments of a `kind` are served; none where that is empty.

    `arm` makes an arm of an adapter's name; `base` is the model that is served, `base_arm` the same without an adapter.
    Which segment a turn is of says what was given to `tell`; before that no turn is of any.
    """

    def __init__(self, store: Store, kind: str, base_arm: Arm, base: str, arm: Callable[[str], Arm]) -> None:
        self._store, self._arm, self._base = store, arm, (base, base_arm.weights_sha256)
        self._lock = threading.Lock()
        self.kind = kind
        self._tell_apart: Segmenting = _no_segment
        self._moves: list[SegmentChampion] = self._read()
        self._live: dict[str, dict[str, Arm]] = {}

    def tell(self, how: Segmenting) -> None:
        """Tell segments apart by `how`."""
        self._tell_apart = how

    def of(self, person: str, messages: Messages) -> str | None:
        """The segment of a turn; None where there is none."""
        return self._tell_apart(person, messages) if self.kind and messages else None

    def served(self, chosen: Route, segment: str | None) -> Route:
        """The route with the segment's champion in place of everybody's, where it has one."""
        arm = self.under(chosen.adapter).get(segment or "") if chosen.arm == "champion" else None
        if arm is None:
            return chosen
        return replace(chosen, adapter=arm.adapter, served_name=arm.served_name, weights_sha256=arm.weights_sha256)

    def under(self, champion: str) -> Mapping[str, Arm]:
        """What segments are served under this champion."""
        with self._lock:
            if champion not in self._live:
                self._live[champion] = {segment: self._arm(name) for segment, name in self._names(champion).items()}
            return self._live[champion]

    def arms(self, champion: str) -> list[Arm]:
        """The arms that the engine must hold for segments under this champion."""
        return list({arm.adapter: arm for arm in self.under(champion).values()}.values())

    def moved(
        self, champion: str, segments: Iterable[str], adapter: str | None, reason: str, actor: str
    ) -> list[SegmentChampion]:
        """The events that send the segments to the adapter, to be appended and then taken by `take`."""
        return [
            SegmentChampion(champion, self.kind, segment, adapter, reason, actor, *self._base) for segment in segments
        ]

    def carried(self, champion: str, following: str, worse: Iterable[str], actor: str) -> list[SegmentChampion]:
        """Where the champion to come was proven worse, the segment keeps what it was served before it."""
        before = self.under(champion)
        kept = {segment: before[segment].adapter if segment in before else champion for segment in worse}
        return [
            event
            for segment, adapter in kept.items()
            for event in self.moved(following, [segment], adapter, f"{following} is proven worse there", actor)
        ]

    def undone(self, champion: str, reason: str, actor: str) -> list[SegmentChampion]:
        """The events that take the last promotion in segments under this champion back; none where there was none."""
        names = self._names(champion)
        own = [move for move in self._moves if (move.champion, move.kind) == (champion, self.kind)]
        last = next((move.adapter for move in reversed(own) if names.get(move.segment) == move.adapter), None)
        if last is None:
            return []
        segments = [segment for segment, adapter in names.items() if adapter == last]
        return [
            event
            for segment in segments
            for event in self.moved(champion, [segment], _before(own, segment), reason, actor)
        ]

    def dropped(self, champion: str, adapter: str, reason: str) -> list[SegmentChampion]:
        """The events that do without an adapter in the segments that are served it."""
        segments = [segment for segment, name in self._names(champion).items() if name == adapter]
        return self.moved(champion, segments, None, reason, "learner")

    def take(self, events: Sequence[Event]) -> None:
        """Serve by the events, which are durable."""
        with self._lock:
            self._moves += [event for event in events if isinstance(event, SegmentChampion)]
            self._live.clear()

    def _names(self, champion: str) -> dict[str, str]:
        latest = {
            move.segment: move.adapter for move in self._moves if (move.champion, move.kind) == (champion, self.kind)
        }
        return {segment: adapter for segment, adapter in latest.items() if adapter is not None}

    def _read(self) -> list[SegmentChampion]:
        names = "champion, kind, segment, adapter, reason, actor, base, base_sha256"
        sql = f"SELECT {names} FROM {SegmentChampion.table} WHERE base = ? AND base_sha256 = ? ORDER BY seq, rowid"
        rows: list[dict[str, Any]] = self._store.rows(sql, self._base)
        return [SegmentChampion(**row) for row in rows]


def _no_segment(person: str, messages: Messages) -> str | None:
    return None


def _before(moves: Sequence[SegmentChampion], segment: str) -> str | None:
    """What the segment was served before what it is served now; a move back to that takes a step back."""
    steps: list[str | None] = [None]
    for adapter in (move.adapter for move in moves if move.segment == segment):
        if len(steps) > 1 and adapter == steps[-2]:
            steps.pop()
        elif adapter != steps[-1]:
            steps.append(adapter)
    return steps[-2] if len(steps) > 1 else None
