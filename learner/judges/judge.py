"""What a judge is: it reads two answers to one prompt, in both orders, and says which one is better."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal, Protocol


@dataclass(frozen=True)
class Case:
    """Two answers to the same prompt."""

    prompt: tuple[dict[str, str], ...]
    first: str
    second: str


@dataclass(frozen=True)
class Verdict:
    """How likely the judge thinks it that the first answer is better, in [0, 1], as asked in each order.

    `shown_first` is of the order in which the first answer came first, `shown_second` of the other. None is an order in
    which what the judge said could not be read.
    """

    shown_first: float | None
    shown_second: float | None

    @property
    def read(self) -> bool:
        """Whether both orders could be read."""
        return self.shown_first is not None and self.shown_second is not None

    @property
    def winner(self) -> Literal["first", "second"] | None:
        """The answer that won in both orders; None is a tie, also where the judge changed its mind with the order."""
        if self.shown_first is None or self.shown_second is None:
            return None
        if self.shown_first > 0.5 and self.shown_second > 0.5:
            return "first"
        return "second" if self.shown_first < 0.5 and self.shown_second < 0.5 else None


@dataclass
class Cost:
    """What a judge has used up so far; `cached` are requests that were answered before and cost nothing."""

    requests: int = 0
    cached: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0

    @property
    def tokens(self) -> int:
        """Both kinds together."""
        return self.prompt_tokens + self.completion_tokens

    def to_values(self) -> dict[str, int]:
        """The numbers by name, for JSON."""
        return {**asdict(self), "tokens": self.tokens}


class Judge(Protocol):
    """Anything that can compare. `identity` changes with whatever changes its verdicts: a calibration is of one."""

    identity: str
    cost: Cost

    def compare(self, cases: Sequence[Case]) -> list[Verdict]:
        """One verdict for each case. Raises JudgeFailed."""

    def learned_from(self, person: str) -> bool:
        """Whether it was made from this person's judgements, so that agreeing with them proves nothing."""
