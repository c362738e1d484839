"""What every step takes and gives: rows in, rows out, and for each row that was taken the reason."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import NamedTuple

from learner.pair import Pair
from learner.settings import LapSettings
from learner.trust.record import Record


class Row(NamedTuple):
    """A pair, and the place of what was said among all events."""

    pair: Pair
    seq: int

    @property
    def own(self) -> bool:
        """Whether its person said it, rather than a reviewer."""
        return self.pair.source != "correction"


@dataclass(frozen=True)
class Hold:
    """People and turns that are kept out together until a reviewer decides; `group` names them."""

    step: str
    reason: str
    people: tuple[str, ...]
    turns: tuple[str, ...] = ()

    @property
    def group(self) -> str:
        """The same for the same people and turns of a step, whichever lap finds them."""
        content = "\n".join((*sorted(self.people), "", *sorted(self.turns)))
        return f"{self.step}-{sha256(content.encode()).hexdigest()[:12]}"


@dataclass(frozen=True)
class Outcome:
    """What a step left, why it took each of the others (by turn), and whom it would hold for a reviewer."""

    kept: Sequence[Row]
    taken: Sequence[tuple[Row, str]] = ()
    holds: Sequence[Hold] = ()
    note: str = ""


Step = Callable[[Sequence[Row], Record, LapSettings], Outcome]


@dataclass(frozen=True)
class Report:
    """A step's line in the manifest."""

    step: str
    taken: int
    reasons: Mapping[str, int]
    settings: Mapping[str, object]
    people: Sequence[str] = ()
    turns: Sequence[str] = ()
    note: str = ""


def sift(rows: Sequence[Row], why: Callable[[Row], str | None]) -> Outcome:
    """Take the rows for which `why` has a reason."""
    kept: list[Row] = []
    taken: list[tuple[Row, str]] = []
    for row in rows:
        reason = why(row)
        if reason is None:
            kept.append(row)
        else:
            taken.append((row, reason))
    return Outcome(kept, taken)


def hold_people(rows: Sequence[Row], holds: Sequence[Hold]) -> Outcome:
    """Take what the people and the turns of `holds` gave; a reviewer's correction of a person's turn stays."""
    people = {person: hold.reason for hold in holds for person in hold.people}
    turns = {turn: hold.reason for hold in holds for turn in hold.turns}
    found = sift(rows, lambda row: (people.get(row.pair.person) or turns.get(row.pair.turn_id)) if row.own else None)
    return Outcome(found.kept, found.taken, holds)
