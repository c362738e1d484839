"""The accounts: people with a name, a role, and a way to sign in."""

from __future__ import annotations

import unicodedata
from collections.abc import Container
from dataclasses import replace

from analytics import Account
from chatbot.accounts.ledger import Ledger, new_id
from chatbot.accounts.passwords import hashed
from chatbot.accounts.sessions import Sessions
from chatbot.errors import BadRequest, LastAdmin, NameTaken, UnknownAccount
from chatbot.permissions import ACCOUNT_ROLES, Role

LONGEST_NAME = 64


class People:
    """All accounts. Whoever changes one is named to the audit as `actor`."""

    def __init__(self, ledger: Ledger, sessions: Sessions) -> None:
        self._ledger, self._sessions = ledger, sessions
        self._by_id: dict[str, Account] = {}
        self._ids: dict[str, str] = {}  # by name
        self._subjects: dict[tuple[str | None, str | None], str] = {}
        ledger.hold(Account, "account_id", self._hold)

    def all(self) -> list[Account]:
        """Every account, the oldest first."""
        return list(self._by_id.values())

    def get(self, account_id: str) -> Account:
        """Raises UnknownAccount."""
        if (account := self._by_id.get(account_id)) is None:
            raise UnknownAccount(f"There is no account {account_id!r}.")
        return account

    def find(self, account_id: str) -> Account | None:
        """The account of this id, if there is one."""
        return self._by_id.get(account_id)

    def forget(self, accounts: Container[str]) -> None:
        """Let go of accounts that were erased."""
        for account in [one for one in self._by_id.values() if one.account_id in accounts]:
            self._ids.pop(_folded(account.name), None)
            self._subjects.pop((account.issuer, account.subject), None)
            del self._by_id[account.account_id]

    def named(self, name: str) -> Account | None:
        """Names are the same whatever their case."""
        return self._by_id.get(self._ids.get(_folded(name), ""))

    def of_subject(self, issuer: str, subject: str) -> Account | None:
        """The account of somebody whom an OIDC provider knows."""
        return self._by_id.get(self._subjects.get((issuer, subject), ""))

    def has_admin(self) -> bool:
        """Whether anybody can manage the accounts."""
        return bool(self._admins())

    def add(
        self,
        name: str,
        role: Role,
        actor: str,
        *,
        password: str | None = None,
        subject: tuple[str, str] | None = None,
    ) -> Account:
        """Make an account; `subject` is issuer and subject of OIDC. Raises BadRequest, NameTaken."""
        name, kept = _checked_name(name), None if password is None else hashed(password)
        issuer, theirs = subject or (None, None)
        account = Account(new_id(), name, _checked_role(role), kept, issuer, theirs, active=True)
        with self._ledger.lock:
            if self.named(name) is not None:
                raise NameTaken(f"There is an account of the name {name!r} already; choose another name.")
            made = {"account": account.account_id, "role": role}  # the name is kept where it can be erased
            self._ledger.keep(account, action="account.make", actor=actor, **made)
        return account

    def free_name(self, wish: str) -> str:
        """The name, with a number where somebody has it already."""
        printable = "".join(character for character in unicodedata.normalize("NFKC", wish) if character.isprintable())
        name = printable.strip()[: LONGEST_NAME - 6].strip() or "user"
        tries = (name if number == 1 else f"{name}-{number}" for number in range(1, 100_000))
        return next(free for free in tries if self.named(free) is None)

    def change(self, account_id: str, actor: str, *, role: Role | None = None, active: bool | None = None) -> Account:
        """Give an account another role, disable it or let it in again; it holds at once.

        Raises UnknownAccount, BadRequest, and LastAdmin where nobody could manage the accounts any more.
        """
        with self._ledger.lock:
            before = self.get(account_id)
            after = replace(
                before,
                role=before.role if role is None else _checked_role(role),
                active=before.active if active is None else active,
            )
            if after == before:
                return before
            if self._admins() == [before]:
                raise LastAdmin(f"{before.name} is the last admin; make somebody else an admin first.")
            ended = [] if after.active else self._sessions.ending(account_id)
            told = {"account": account_id, "role": after.role, "active": after.active}
            self._ledger.keep(after, *ended, action="account.change", actor=actor, **told)
        return after

    def set_password(self, account_id: str, password: str, actor: str) -> None:
        """Set the password and end every session of the account. Raises UnknownAccount, BadRequest."""
        kept = hashed(password)
        with self._ledger.lock:
            account = replace(self.get(account_id), password=kept)
            ended = self._sessions.ending(account_id)
            self._ledger.keep(account, *ended, action="account.password", actor=actor, account=account_id)

    def refresh_hash(self, account: Account, password: str) -> str:
        """Keep the same password with today's parameters, unless it was changed since; returns the hash."""
        kept = hashed(password)
        with self._ledger.lock:
            now = self.get(account.account_id)
            if now.password == account.password:
                self._ledger.keep(replace(now, password=kept))
        return kept

    def _admins(self) -> list[Account]:
        return [account for account in self._by_id.values() if account.role == "admin" and account.active]

    def _hold(self, account: Account) -> None:
        self._by_id[account.account_id] = account
        self._ids[_folded(account.name)] = account.account_id
        if account.issuer is not None:
            self._subjects[account.issuer, account.subject] = account.account_id


def _folded(name: str) -> str:
    return unicodedata.normalize("NFKC", name).strip().casefold()


def _checked_name(name: str) -> str:
    name = unicodedata.normalize("NFKC", name).strip()
    if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable():
        raise BadRequest(f"A name needs 1 to {LONGEST_NAME} printable characters.")
    return name


def _checked_role(role: Role) -> Role:
    if role not in ACCOUNT_ROLES:
        raise BadRequest(f"There is no role {role!r} for an account; it must be one of {', '.join(ACCOUNT_ROLES)}.")
    return role
