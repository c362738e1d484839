"""What people did and when, as the events that a server would have kept, and the snapshot that a lap would get."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb

from analytics import Consent, Event, Feedback, Reply, Store, Turn
from learner.people import Group, person_group

BEGAN = datetime(2026, 1, 5, 8, tzinfo=UTC)
DAYS = 7.0  # over which people come
READING = (20.0, 90.0)  # seconds from one thing that somebody does to the next


def people(seed: int, count: int, kind: str, group: Group = "learn") -> list[str]:
    """Ids of new guests of a group."""
    rng = random.Random(f"{kind} {seed}")
    drawn = (f"guest:{rng.getrandbits(96):024x}" for _ in itertools.count())
    return list(itertools.islice((one for one in drawn if person_group(one) == group), count))


class Script:
    """Events with their times, in the order in which they are added. Everybody agrees to learning."""

    def __init__(self, seed: int) -> None:
        self._rng = random.Random(f"script {seed}")
        self._numbers = itertools.count(1)
        self._events: list[tuple[datetime, Event]] = []
        self._clocks: dict[str, datetime] = {}

    def answer(self, person: str, messages: Sequence[dict[str, str]], text: str, sibling_of: str | None = None) -> str:
        """Somebody asks and is answered; returns the turn's id."""
        turn_id = f"turn-{next(self._numbers)}"
        if person not in self._clocks:
            self._clocks[person] = BEGAN + timedelta(days=DAYS * self._rng.random())
            self._add(person, Consent(person, True, 1))
        turn = Turn(
            turn_id=turn_id,
            conversation_id=f"talk-{turn_id}",
            person=person,
            person_group=person_group(person),
            messages=list(messages),
            arm="champion",
            adapter="base",
            weights_sha256="0" * 64,
            experiment_id=None,
            propensity=None,
            sibling_of=sibling_of,
            source="page",
            parameters={},
            verdicts=[],
        )
        self._add(person, turn)
        self._add(person, Reply(turn_id, text, "stop", None, None, None, 0.0, None, []))
        return turn_id

    def say(
        self, person: str, turn_id: str, *, preferred_over: str | None = None, rewrite: str | None = None, vote: int = 0
    ) -> None:
        """They judge an answer, after they have read it."""
        self._clocks[person] += timedelta(seconds=self._rng.uniform(*READING))
        number = f"F-{next(self._numbers)}"
        self._add(person, Feedback(number, turn_id, person, vote or None, [], None, rewrite, preferred_over, "user"))

    def snapshot(self, folder: Path) -> Path:
        """Keep all events in a store under `folder`, at their times, and return the folder of its snapshot."""
        path, events = folder / "store.duckdb", folder / "events"
        store = Store.open(path)
        ordered = sorted(self._events, key=lambda event: event[0])
        store.append(*(event for _, event in ordered))
        store.close()
        _retime(path, [at for at, _ in ordered])
        store = Store.open(path)
        store.snapshot(events)
        store.close()
        return events

    def _add(self, person: str, event: Event) -> None:
        self._events.append((self._clocks[person], event))

    @property
    def judged(self) -> int:
        """How often somebody judged an answer."""
        return sum(isinstance(event, Feedback) for _, event in self._events)


def _retime(path: Path, times: Sequence[datetime]) -> None:
    """A store stamps what it is given with the present; here that would be a week within a second."""
    with duckdb.connect(str(path)) as file:
        file.execute("CREATE TEMP TABLE clock AS SELECT unnest(?::BIGINT[]) AS seq, unnest(?::TIMESTAMP[]) AS at",
                     [list(range(len(times))), [at.replace(tzinfo=None) for at in times]])  # fmt: skip
        for table in ("turn", "reply", "feedback", "consent"):
            file.execute(f'UPDATE {table} SET "at" = clock."at" FROM clock WHERE clock.seq = {table}.seq')
