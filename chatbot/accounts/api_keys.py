"""API keys: what a program sends to be known, limited by scopes and by time."""

from __future__ import annotations

import time
from collections.abc import Container, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from analytics import Account, ApiKey
from chatbot.accounts.ledger import Ledger, digest, new_id, new_secret
from chatbot.accounts.people import LONGEST_NAME, People
from chatbot.accounts.sessions import DAY
from chatbot.errors import BadRequest, UnknownKey, UnknownKeyId
from chatbot.permissions import SCOPES, Role, Scope, scopes_of

PREFIX = "rk_"
DAYS, MOST_DAYS = 90, 365
MOST_BUDGET = 2**53


class ApiKeys:
    """All keys, also those that are no longer good, so that their users can be told why."""

    def __init__(self, ledger: Ledger, people: People) -> None:
        self._ledger, self._people = ledger, people
        self._by_id: dict[str, ApiKey] = {}
        self._by_secret: dict[str, ApiKey] = {}
        ledger.hold(ApiKey, "key_id", self._hold)

    def forget(self, accounts: Container[str]) -> None:
        """Let go of the keys of accounts that were erased."""
        for key in [one for one in self._by_id.values() if one.account_id in accounts]:
            self._by_secret.pop(key.secret_sha256, None)
            del self._by_id[key.key_id]

    def all(self, account_id: str | None = None) -> list[ApiKey]:
        """Every key, or those of one account, the oldest first."""
        return [key for key in self._by_id.values() if account_id in (None, key.account_id)]

    def add(
        self,
        account_id: str,
        name: str,
        scopes: Sequence[str],
        actor: str,
        *,
        days: float | None = DAYS,
        requests_per_minute: int | None = None,
        tokens_per_day: int | None = None,
    ) -> tuple[str, ApiKey]:
        """Make a key; the first of the two is the key itself, which nobody can look up afterwards.

        `days` is None for one that never ends, an admin's right. Raises UnknownAccount, BadRequest.
        """
        owner = self._people.get(account_id)
        _check(owner, name, scopes, days, requests_per_minute, tokens_per_day)
        key_id = new_id()
        text = f"{PREFIX}{key_id}_{new_secret()}"
        until = None if days is None else time.time() + days * DAY
        chosen = [scope for scope in SCOPES if scope in scopes]
        key = ApiKey(
            key_id, account_id, name.strip(), digest(text), chosen, until, requests_per_minute, tokens_per_day, False
        )
        told = {"key": key_id, "account": account_id, "scopes": chosen, "until": until}
        with self._ledger.lock:
            self._ledger.keep(key, action="key.make", actor=actor, **told)
        return text, key

    def revoke(self, key_id: str, actor: str, of: str | None = None) -> ApiKey:
        """End a key, of the account `of` where that is given. Raises UnknownKeyId."""
        with self._ledger.lock:
            key = self._by_id.get(key_id)
            if key is None or of not in (None, key.account_id):
                raise UnknownKeyId(f"There is no key {key_id!r} among yours.")
            if not key.revoked:
                key = replace(key, revoked=True)
                self._ledger.keep(key, action="key.revoke", actor=actor, key=key_id, account=key.account_id)
        return key

    def good(self, text: str) -> tuple[ApiKey, Account]:
        """The key and whose it is. Raises UnknownKey, which says what is wrong with it."""
        key = self._by_secret.get(digest(text))
        if key is None:
            raise UnknownKey("That API key is not known here; make one on the account page.")
        if key.revoked:
            raise UnknownKey(f"The API key {key.name!r} was revoked; make another one on the account page.")
        if key.until is not None and key.until < time.time():
            ended = datetime.fromtimestamp(key.until, UTC)
            raise UnknownKey(f"The API key {key.name!r} expired on {ended:%Y-%m-%d}; make another one.")
        owner = self._people.get(key.account_id)
        if not owner.active:
            raise UnknownKey(f"The API key {key.name!r} belongs to an account that is disabled.")
        return key, owner

    def _hold(self, key: ApiKey) -> None:
        self._by_id[key.key_id] = self._by_secret[key.secret_sha256] = key


def _check(owner: Account, name: str, scopes: Sequence[str], days: float | None, *budgets: int | None) -> None:
    role: Role = owner.role  # type: ignore[assignment]
    if not 1 <= len(name.strip()) <= LONGEST_NAME or not name.isprintable():
        raise BadRequest(f"A key needs a name of 1 to {LONGEST_NAME} printable characters.")
    allowed: tuple[Scope, ...] = scopes_of(role)
    if not scopes:
        raise BadRequest(f"A key needs a scope at least; {owner.name} may choose among {', '.join(allowed)}.")
    if beyond := [scope for scope in scopes if scope not in allowed]:
        raise BadRequest(
            f"{owner.name}, whose role is {role}, cannot give a key the scope {beyond[0]!r}, only {', '.join(allowed)}."
        )
    if days is None and role != "admin":
        raise BadRequest(f"Only an admin's key may last for ever; choose up to {MOST_DAYS} days.")
    if days is not None and not 0 < days <= MOST_DAYS:
        raise BadRequest(f"A key lasts up to {MOST_DAYS} days; {days:g} is not possible.")
    if any(budget is not None and not 1 <= budget <= MOST_BUDGET for budget in budgets):
        raise BadRequest("A budget is a whole number above 0; leave it out for no limit.")
