"""What happens between a won experiment and everybody: the rollout, the approvals, and the drills."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from analytics.events import Event


@dataclass(frozen=True)
class Rollout(Event):
    """A step of a winner on its way to everybody; the latest row of an `experiment_id` holds.

    `share` is the part of all people, in [0, 1], that is sent to the challenger; `detail` is what the step before came
    to on fresh traffic.
    """

    table: ClassVar[str] = "rollout"

    experiment_id: str
    champion: str
    challenger: str
    share: float
    state: Literal["running", "promoted", "rolled back", "stopped"]
    reason: str
    detail: Mapping[str, Any]


@dataclass(frozen=True)
class Approval(Event):
    """Somebody approves of `adapter` in place of `champion`, or takes that back; their latest row holds.

    `person` is an account, whichever key or session it came with; `name` is how it was called then.
    """

    table: ClassVar[str] = "approval"
    private: ClassVar[bool] = True

    adapter: str
    champion: str
    person: str
    name: str
    action: Literal["approve", "withdraw"]
    reason: str


@dataclass(frozen=True)
class Drill(Event):
    """A rehearsal on `adapter`, a copy of `champion`; the latest row of a `drill_id` holds, with its figures."""

    table: ClassVar[str] = "drill"

    drill_id: str
    kind: Literal["rollback"]
    adapter: str
    champion: str
    state: Literal["running", "passed", "failed", "abandoned"]
    reason: str
    actor: str
    detail: Mapping[str, Any]


PROMOTION_EVENTS: tuple[type[Event], ...] = (Rollout, Approval, Drill)
