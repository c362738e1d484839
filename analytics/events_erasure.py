"""Events of erasures, and the names that go with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from analytics.events import Event


@dataclass(frozen=True)
class Erasure(Event):
    """An erasure, by a request or by the policy of retention; the latest row of an `erasure_id` holds.

    `removed` counts rows by place. `datasets` were written anew without `rows` of theirs. `adapters` had learned from
    what was erased, each with its `fate`: listed, retraining or revoked. Nothing of it tells whose it was.
    """

    table: ClassVar[str] = "erasure"
    private: ClassVar[bool] = True

    erasure_id: str
    state: Literal["erased", "followed up"]
    reason: Literal["request", "retention"]
    actor: str
    removed: Mapping[str, Any]
    datasets: Sequence[Mapping[str, Any]]
    adapters: Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class PersonName(Event):
    """The `person` for whom keys of `owner` speak under a `name`; the owner is empty for the command line's key."""

    table: ClassVar[str] = "person_name"
    private: ClassVar[bool] = True

    person: str
    owner: str
    name: str


ERASURE_EVENTS: tuple[type[Event], ...] = (Erasure, PersonName)
