"""Rehearsals of a rollback: a byte copy of the champion is promoted under load and rolled back, and both are timed.

Whoever talks to the copy gets what the champion says. The load comes from outside (`chatbot/drill.py`), as that of
people does.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from analytics import Drill, Store
from learner.errors import DrillRunning, UnknownDrill
from learner.registry import Registry

LONGEST = timedelta(minutes=15)  # after which a drill that nobody ended is abandoned


class Drills:
    """The moves of drills and what they came to."""

    def __init__(self, store: Store, registry: Registry) -> None:
        self._store, self._registry = store, registry

    def begin(self, actor: str) -> Drill:
        """Make the copy. Raises DrillRunning while another drill, an experiment or a rollout would be disturbed."""
        if self.under_way() is not None:
            raise DrillRunning("A drill is under way; wait for its end.")
        if (experiment_id := self._registry.state().experiment_id) is not None:
            raise DrillRunning(
                f"{experiment_id} is under way, and a drill would end it; wait for its end, or drill in a home of its "
                "own: `./ratchet drill rollback --throwaway`."
            )
        champion = self._registry.state().champion.adapter
        adapter = self._registry.copy_of_champion(actor)
        drill = Drill(f"drill-{secrets.token_hex(6)}", "rollback", adapter, champion, "running", "", actor, {})
        told = {"drill": drill.drill_id, "adapter": adapter, "champion": champion}
        self._store.append(drill, self._store.audit("drill.begin", actor, told))
        return drill

    def promote(self, drill_id: str, actor: str) -> float:
        """Make the copy the champion; the engine must hold it. Returns the seconds. Raises UnknownDrill."""
        drill = self._running(drill_id)
        began = time.perf_counter()
        self._registry.promote(
            drill.adapter, actor, f"{drill_id}, a rehearsal", override_reason=f"{drill_id}, a rehearsal"
        )
        return time.perf_counter() - began

    def end(self, drill_id: str, actor: str, detail: Mapping[str, Any], passed: bool, reason: str) -> Drill:
        """Record what was measured, and see to it that the champion of before is served. Raises UnknownDrill."""
        return self._end(self._running(drill_id), actor, "passed" if passed else "failed", reason, detail)

    def abandon_old(self, now: datetime | None = None, longest: timedelta = LONGEST) -> bool:
        """End a drill that nobody has ended in `longest`; returns whether there was one."""
        drill, at = self._latest("running")
        if drill is None or at is None or (now or datetime.now(UTC)) - at < longest:
            return False
        self._end(drill, "learner", "abandoned", "Nobody ended it.", {})
        return True

    def under_way(self) -> Drill | None:
        """The drill that is not over."""
        return self._latest("running")[0]

    def all(self, limit: int = 20) -> list[dict[str, Any]]:
        """The newest first, each as it stands."""
        return self._store.rows(
            """
            SELECT * EXCLUDE (seq) FROM drill
            QUALIFY row_number() OVER (PARTITION BY drill_id ORDER BY seq DESC) = 1 ORDER BY seq DESC LIMIT ?
            """,
            (limit,),
        )

    def _running(self, drill_id: str) -> Drill:
        drill = self.under_way()
        if drill is None or drill.drill_id != drill_id:
            raise UnknownDrill(drill_id)
        return drill

    def _latest(self, state: str) -> tuple[Drill | None, datetime | None]:
        rows = self.all(1)
        if not rows or rows[0]["state"] != state:
            return None, None
        at = rows[0].pop("at")
        return Drill(**rows[0]), at

    def _end(self, drill: Drill, actor: str, state: Any, reason: str, detail: Mapping[str, Any]) -> Drill:  # noqa: ANN401
        if self._registry.state().champion.adapter == drill.adapter:
            self._registry.rollback(actor, f"the end of {drill.drill_id}")
        ended = replace(drill, state=state, reason=reason, detail=dict(detail))
        told = {"drill": drill.drill_id, "state": state, "reason": reason, **detail}
        self._store.append(ended, self._store.audit("drill.end", actor, told))
        return ended
