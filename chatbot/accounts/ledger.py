"""Where what is known of accounts comes from and goes to: the store first, then the memory of whoever holds it."""

from __future__ import annotations

import hashlib
import secrets
import threading
from collections.abc import Callable, Mapping
from typing import Any

from analytics import Event, Store


class Ledger:
    """Keeps events, one change at a time: hold `lock` from the look to the `keep`."""

    def __init__(self, store: Store) -> None:
        self.store, self.lock = store, threading.RLock()
        self._holders: dict[type[Event], Callable[[Any], None]] = {}

    def hold(self, event: type[Event], key: str, holder: Callable[[Any], None]) -> None:
        """Give `holder` the latest row of each `key`, and from now on every one that is kept."""
        self._holders[event] = holder
        for row in self.store.latest(event, key):
            holder(row)

    def keep(self, *events: Event, action: str = "", actor: str = "", **detail: object) -> None:
        """Append the events, with their line in the audit where they are an `action`; returns when they are durable."""
        self.store.append(*events, *([self._audit(action, actor, detail)] if action else []))
        for event in events:
            self._holders[type(event)](event)

    def note(self, action: str, actor: str, **detail: object) -> None:
        """A line in the audit alone."""
        self.store.append(self._audit(action, actor, detail))

    def _audit(self, action: str, actor: str, detail: Mapping[str, object]) -> Event:
        return self.store.audit(action, actor, detail)


def new_id() -> str:
    """An id that nobody has to guess at, short enough to be typed."""
    return secrets.token_hex(6)


def new_secret() -> str:
    """32 random bytes, as text for addresses and cookies."""
    return secrets.token_urlsafe(32)


def digest(secret: str) -> str:
    """What is kept of a secret: so much chance needs no slow hash."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()
