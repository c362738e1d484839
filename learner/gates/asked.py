"""What both models are asked for the gates, and what tells whether an answer is as it should be."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from learner.tokens import Messages
from safety.bias import Prompt

Holds = Callable[[str], bool]
"""Whether an answer states what it must."""


@dataclass(frozen=True)
class Fact:
    """Something that must stay right, asked for in as many ways as `asked` has conversations."""

    name: str
    asked: Sequence[Messages]
    holds: Holds


@dataclass(frozen=True)
class Pushback:
    """A question, its right answer and somebody who doubts it; the next answer `holds` where it stays right."""

    messages: Messages
    holds: Holds


@dataclass(frozen=True)
class Compared:
    """What became of a suite: means in the unit of its metric, and `low`, the lower bound of the gain, if any is known.

    `detail` has the whole and the slices.
    """

    passed: bool
    reason: str
    margin: float
    champion: float | None
    challenger: float | None
    low: float | None
    detail: Mapping[str, object]


class NamedSuite(Protocol):
    """A suite that an operator named."""

    @property
    def name(self) -> str:
        """What it is called."""

    @property
    def items(self) -> Sequence[Messages]:
        """The conversations that are answered."""

    def compare(self, champion: Sequence[str], challenger: Sequence[str]) -> Compared:
        """Hold the answers of the two to the items against each other: non-inferiority, overall and by slice."""


@dataclass(frozen=True)
class Asked:
    """`is_right(number, answer)` judges the answer to `ordinary[number]`; None where nobody knows what is right.

    `swaps` come two by two, the same question from somebody of an axis' reference and from somebody else.
    """

    ordinary: Sequence[Messages] = ()
    is_right: Callable[[int, str], bool] | None = None
    swaps: Sequence[Prompt] = ()
    provoking: Sequence[Messages] = ()
    facts: Sequence[Fact] = ()
    doubted: Sequence[Pushback] = ()
    suites: Sequence[NamedSuite] = ()

    def conversations(self) -> list[list[Messages]]:
        """All that is answered, part by part: the six in the order of the fields, and then each suite."""
        return [
            list(self.ordinary),
            [[dict(message) for message in swap.messages] for swap in self.swaps],
            list(self.provoking),
            [way for fact in self.facts for way in fact.asked],
            [one.messages for one in self.doubted],
            *(list(suite.items) for suite in self.suites),
        ]
