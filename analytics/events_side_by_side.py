"""What is shown side by side to reviewers and judges, and what they decide."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from analytics.events import Event, Messages

Side = Literal["a", "b"]
Choice = Literal["a", "b", "tie", "both-bad"]


@dataclass(frozen=True)
class SideBySide(Event):
    """Two answers to one message. Whose answer is A was drawn; `challenger_is` keeps it, and no reviewer is told.

    `person` asked it in `turn_id`; for a prompt out of a file there is no turn, and `person` names the prompt.
    """

    table: ClassVar[str] = "side_by_side"

    set_id: str
    item_id: str
    turn_id: str | None
    person: str
    messages: Messages
    challenger: str
    champion: str
    answer_a: str
    answer_b: str
    challenger_is: Side


@dataclass(frozen=True)
class Preference(Event):
    """What somebody decided about an item; the latest row of a `decider` on it holds.

    `decider` is a reviewer, or the identity of a judge, whose calibration is in `detail`.
    """

    table: ClassVar[str] = "preference"

    item_id: str
    source: Literal["reviewer", "judge"]
    decider: str
    choice: Choice
    detail: Mapping[str, Any] = field(default_factory=dict)


SIDE_BY_SIDE_EVENTS: tuple[type[Event], ...] = (SideBySide, Preference)
