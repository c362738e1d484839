"""What a suite asks, and what a model answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Messages = Sequence[Mapping[str, str]]


@dataclass(frozen=True)
class Row:
    """One question. `messages` ends with what the user says; `then` are further user turns, asked one by one.

    `stays` are patterns that must be in the answers to those, where less than all that makes an answer right is enough.
    `slices` has a value by name, such as language = "en". `cluster` names rows that belong together. `world` is the
    intent, and the order if any, by which the starter's world tells whether an answer is right. `data` is free, for
    metrics of one's own.
    """

    id: str
    messages: Messages
    references: Sequence[str] = ()
    label: str | None = None
    required: Sequence[str] = ()
    forbidden: Sequence[str] = ()
    chosen: str | None = None
    rejected: str | None = None
    then: Sequence[str] = ()
    stays: Sequence[str] = ()
    world: Mapping[str, Any] | None = None
    group: str | None = None
    slices: Mapping[str, str] = field(default_factory=dict)
    cluster: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)

    @property
    def question(self) -> str:
        """The last thing that the user says, before `then`."""
        return str(self.messages[-1]["content"])


@dataclass(frozen=True)
class Answer:
    """What a model said to a row: one text for the question and one for each of `then`.

    `tokens` is by text, where known. `seconds` is the time to all of them, `ended` whether each ended by itself. Where
    they were asked for, `logprob` is the sum over the reference, `chosen` and `rejected` the means, in nats.
    """

    texts: Sequence[str]
    tokens: Sequence[int] = ()
    ended: Sequence[bool] = ()
    seconds: float | None = None
    reference_logprob: float | None = None
    reference_tokens: int | None = None
    chosen_logprob: float | None = None
    rejected_logprob: float | None = None

    @property
    def text(self) -> str:
        """The answer to the question itself."""
        return self.texts[0]
