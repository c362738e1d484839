"""What every step takes and gives: rows in, rows out, and for each row that was taken the reason."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import NamedTuple

from learner.lessons import Rating
from learner.pair import Pair, Source
from learner.settings import LapSettings
from learner.trust.record import Record

# What its person did not say: a reviewer did, or an operator vouched for it.
VOUCHED: frozenset[Source] = frozenset(
    {"correction", "demonstration", "import", "red-team", "ai-feedback", "self-review", "augmentation", "anchor"}
)


class Row(NamedTuple):
    """A pair or a rating, and the place of what was said among all events."""

    lesson: Pair | Rating
    seq: int

    @property
    def own(self) -> bool:
        """Whether its person said it, rather than a reviewer or a file."""
        return self.lesson.source not in VOUCHED

    @property
    def texts(self) -> tuple[tuple[str, int], ...]:
        """The answers, each with 1 where it was liked and -1 where it was not."""
        if isinstance(self.lesson, Pair):
            return (self.lesson.chosen, 1), (self.lesson.rejected, -1)
        return ((self.lesson.completion, 1 if self.lesson.good else -1),)


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
    pairs: int
    ratings: int
    reasons: Mapping[str, int]
    settings: Mapping[str, object]
    people: Sequence[str] = ()
    turns: Sequence[str] = ()
    note: str = ""


def with_pairs(rows: Sequence[Row]) -> list[tuple[Row, Pair]]:
    """The rows that prefer one answer to another, each with its pair."""
    return [(row, row.lesson) for row in rows if isinstance(row.lesson, Pair)]


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
    found = sift(
        rows, lambda row: (people.get(row.lesson.person) or turns.get(row.lesson.turn_id)) if row.own else None
    )
    return Outcome(found.kept, found.taken, holds)
