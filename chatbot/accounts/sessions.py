"""Sessions: a browser in which somebody has signed in."""

from __future__ import annotations

import time
from collections.abc import Container
from dataclasses import replace

from analytics import Session
from chatbot.accounts.ledger import Ledger, digest, new_id, new_secret

DAY = 24 * 3600


class Sessions:
    """Those that have not ended, by the hash of what their cookie holds."""

    def __init__(self, ledger: Ledger, days: float) -> None:
        self._ledger, self.seconds = ledger, days * DAY
        self._open: dict[str, Session] = {}
        ledger.hold(Session, "session_id", self._hold)

    def begin(self, account_id: str) -> str:
        """Begin one and return what its cookie holds."""
        secret, now = new_secret(), time.time()
        with self._ledger.lock:
            self._open = {key: session for key, session in self._open.items() if session.until > now}
            self._ledger.keep(Session(new_id(), account_id, digest(secret), now + self.seconds, ended=False))
        return secret

    def find(self, secret: str) -> Session | None:
        """The session of a cookie, while it lasts."""
        session = self._open.get(digest(secret))
        return session if session is not None and session.until > time.time() else None

    def end(self, secret: str) -> None:
        """End it: its cookie is worth nothing from now on."""
        with self._ledger.lock:
            if (session := self._open.get(digest(secret))) is not None:
                self._ledger.keep(replace(session, ended=True))

    def ending(self, account_id: str) -> list[Session]:
        """The events that end every session of an account."""
        return [replace(session, ended=True) for session in self._open.values() if session.account_id == account_id]

    def forget(self, accounts: Container[str]) -> None:
        """Let go of the sessions of accounts that were erased."""
        self._open = {key: one for key, one in self._open.items() if one.account_id not in accounts}

    def _hold(self, session: Session) -> None:
        if session.ended or session.until < time.time():
            self._open.pop(session.secret_sha256, None)
        else:
            self._open[session.secret_sha256] = session
