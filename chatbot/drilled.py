"""What a drill measured, and whether that is good enough."""

from __future__ import annotations

from typing import Annotated, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

MOST_MS = 1000.0  # from the order to the moment from which new turns are on the other model
Count = Annotated[int, Field(ge=0, le=1_000_000)]
Milliseconds = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]


class Verdict(NamedTuple):
    """Whether a drill was passed, and why or why not."""

    passed: bool
    reason: str


class Flip(BaseModel):
    """One change of the champion under load. Times in milliseconds.

    `flip_ms` is the routing write at the server, `asked_ms` the order from sending to its answer, and `turn_ms` from
    sending the order to the beginning of the first new turn after it. `streams` were open when it was given; of all
    that were begun `dropped` broke off and `short` ended before their last token. `turns` new ones came after it,
    `wrong` of them on the model of before.
    """

    model_config = ConfigDict(extra="forbid")

    flip_ms: Milliseconds
    asked_ms: Milliseconds
    turn_ms: Milliseconds
    streams: Count
    dropped: Count
    short: Count
    turns: Count
    wrong: Count

    def faults(self, what: str) -> list[str]:
        """What was not as it must be."""
        found = [
            (self.flip_ms >= MOST_MS, f"the {what} took {self.flip_ms:.0f} ms"),
            (not self.streams, f"no stream was open at the {what}"),
            (bool(self.dropped), f"{self.dropped} streams broke off at the {what}"),
            (bool(self.short), f"{self.short} streams ended too soon at the {what}"),
            (bool(self.wrong) or not self.turns, f"{self.wrong} of {self.turns} new turns missed the {what}"),
        ]
        return [told for is_so, told in found if is_so]


class Measured(BaseModel):
    """A promotion and a rollback under load."""

    model_config = ConfigDict(extra="forbid")

    promotion: Flip
    rollback: Flip

    def verdict(self) -> Verdict:
        """Passed where both took less than a second and nothing was lost."""
        faults = [*self.promotion.faults("promotion"), *self.rollback.faults("rollback")]
        if faults:
            told = "; ".join(faults)
            return Verdict(False, f"{told[0].upper()}{told[1:]}.")
        back = self.rollback
        told = f"Rolled back in {back.flip_ms:.1f} ms under {back.streams} streams"
        return Verdict(True, f"{told}, none dropped, and {back.turns} new turns were right.")
