"""Who and what is kept out until a reviewer decides. It is events and a view of them: nothing is ever deleted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from analytics import Quarantine, Store
from learner.errors import UnknownGroup
from learner.trust.step import Hold

State = Literal["waiting", "kept out", "released"]
_STATES: Mapping[str, State] = {"hold": "waiting", "confirm": "kept out", "release": "released"}
_LATEST = """
    SELECT * FROM quarantine QUALIFY row_number() OVER (PARTITION BY group_id ORDER BY seq DESC) = 1 ORDER BY seq DESC
"""


@dataclass(frozen=True)
class Held:
    """People and turns that are or were kept out together; `actor` is who decided last, the learner at first."""

    group: str
    state: State
    step: str
    reason: str
    people: Sequence[str]
    turns: Sequence[str]
    actor: str
    run_id: str | None
    at: datetime


def quarantined(store: Store) -> list[Held]:
    """Every group that was ever held, with what holds of it now, the newest first."""
    return [
        Held(
            group=row["group_id"],
            state=_STATES[row["action"]],
            step=row["step"],
            reason=row["reason"],
            people=row["people"],
            turns=row["turns"],
            actor=row["actor"],
            run_id=row["run_id"],
            at=row["at"],
        )
        for row in store.rows(_LATEST)
    ]


def decide(store: Store, group: str, actor: str, *, release: bool, note: str = "") -> Held:
    """Release a group, so that the next lap learns from it again, or confirm that it stays out; durable on return.

    Either can be decided again later. Raises UnknownGroup.
    """
    held = next((held for held in quarantined(store) if held.group == group), None)
    if held is None:
        raise UnknownGroup(group)
    action: Literal["release", "confirm"] = "release" if release else "confirm"
    event = Quarantine(group, action, held.step, held.reason, held.people, held.turns, actor, held.run_id)
    store.append(event, store.audit(f"quarantine.{action}", actor, {"group": group, "note": note}))
    return next(held for held in quarantined(store) if held.group == group)


def hold_events(manifest: Mapping[str, Any], run_id: str) -> list[Quarantine]:
    """What a lap found, for the store."""
    return [
        Quarantine(
            held["group"], "hold", held["step"], held["reason"], held["people"], held["turns"], "learner", run_id
        )
        for held in manifest.get("quarantine", ())
    ]


def to_values(hold: Hold) -> dict[str, object]:
    """A hold as the manifest has it."""
    return {
        "group": hold.group, "step": hold.step, "reason": hold.reason,
        "people": list(hold.people), "turns": list(hold.turns),
    }  # fmt: skip
