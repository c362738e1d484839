"""Links that work once: they let somebody choose a password, and the first one makes the first admin."""

from __future__ import annotations

import time
from collections.abc import Container
from dataclasses import replace
from typing import cast

from analytics import Account, Link
from chatbot.accounts.ledger import Ledger, digest, new_id, new_secret
from chatbot.accounts.people import People
from chatbot.accounts.sessions import DAY
from chatbot.errors import BadRequest
from chatbot.permissions import Role

SECONDS = float(DAY)


class Links:
    """Those that are still good, by the hash of the token in their address."""

    def __init__(self, ledger: Ledger, people: People) -> None:
        self._ledger, self._people = ledger, people
        self._open: dict[str, Link] = {}
        ledger.hold(Link, "link_id", self._hold)

    def for_account(self, account_id: str, actor: str) -> str:
        """The token of a link by which somebody sets a password and signs in; older ones are withdrawn.

        Raises UnknownAccount, and BadRequest for an account that is disabled.
        """
        account = self._people.get(account_id)
        if not account.active:
            raise BadRequest(f"The account {account.name!r} is disabled; enable it first.")
        return self._make(account_id, cast("Role", account.role), actor)

    def for_first_admin(self) -> str | None:
        """The token of a link that makes its opener the admin; None when there is one already."""
        return None if self._people.has_admin() else self._make(None, "admin", "server")

    def find(self, token: str) -> Link:
        """A link that is still good. Raises BadRequest."""
        link = self._open.get(digest(token))
        if link is None or link.until < time.time() or not self._is_meant(link):
            raise BadRequest("This link was used already, or it is too old. Ask an admin for a new one.")
        return link

    def use(self, token: str, name: str, password: str) -> Account:
        """Set the password of the link's account, or make the account `name`. Raises BadRequest, NameTaken."""
        with self._ledger.lock:
            link = self.find(token)
            if link.account_id is None:
                account = self._people.add(name, cast("Role", link.role), "link", password=password)
            else:
                account = self._people.get(link.account_id)
                self._people.set_password(account.account_id, password, f"account:{account.account_id}")
            self._ledger.keep(replace(link, state="used"), action="link.use", actor="link", link=link.link_id)
        return account

    def forget(self, accounts: Container[str]) -> None:
        """Let go of the links of accounts that were erased."""
        self._open = {key: one for key, one in self._open.items() if one.account_id not in accounts}

    def _make(self, account_id: str | None, role: Role, actor: str) -> str:
        token = new_secret()
        link = Link(new_id(), account_id, role, digest(token), time.time() + SECONDS, "open")
        with self._ledger.lock:
            older = [replace(old, state="withdrawn") for old in self._open.values() if old.account_id == account_id]
            told = {"link": link.link_id, "account": account_id, "role": role}
            self._ledger.keep(link, *older, action="link.make", actor=actor, **told)
        return token

    def _is_meant(self, link: Link) -> bool:
        """Not to become the first admin where there is one by now, and not for who was disabled since."""
        if link.account_id is None:
            return not self._people.has_admin()
        return self._people.get(link.account_id).active

    def _hold(self, link: Link) -> None:
        if link.state == "open" and link.until > time.time():
            self._open[link.secret_sha256] = link
        else:
            self._open.pop(link.secret_sha256, None)
