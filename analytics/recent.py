"""The last turns, at hand: most of what is said of an answer is said at once, and a look into the file takes longer."""

from __future__ import annotations

import threading
from collections.abc import Container, Sequence

from analytics.events import Event, Turn

MOST = 1000


class Recent:
    """The last `MOST` turns that became durable, as they were asked. May be used from any thread."""

    def __init__(self) -> None:
        self._turns: dict[str, Turn] = {}
        self._owners: dict[str, str] = {}
        self._lock = threading.Lock()

    def keep(self, events: Sequence[Event]) -> None:
        """Keep the turns among the events, and let the oldest go."""
        with self._lock:
            for event in events:
                if isinstance(event, Turn):
                    self._turns[event.turn_id] = event
                    self._owners[event.conversation_id] = event.person
            for known in (self._turns, self._owners):
                while len(known) > MOST:
                    del known[next(iter(known))]

    def forget(self, turns: Container[str], conversations: Container[str]) -> None:
        """Let go of what was erased."""
        with self._lock:
            self._turns = {one: turn for one, turn in self._turns.items() if one not in turns}
            self._owners = {one: person for one, person in self._owners.items() if one not in conversations}

    def owner(self, conversation_id: str) -> str | None:
        """The person whose conversation it is, or None when nobody has spoken in it lately."""
        return self._owners.get(conversation_id)

    def find(self, turn_id: str) -> Turn | None:
        """The turn, or None when it is too long ago."""
        return self._turns.get(turn_id)
