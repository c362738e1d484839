"""Accounts and keys as the API and the command line show and change them."""

from __future__ import annotations

from typing import Any

from analytics import Account, ApiKey
from chatbot.accounts.accounts import Accounts
from chatbot.permissions import Role


class Roster:
    """What `actor` does; links begin with `url`. Raises what People, ApiKeys and Links raise."""

    def __init__(self, accounts: Accounts, url: str, actor: str) -> None:
        self._accounts, self._url, self._actor = accounts, url, actor

    def accounts(self) -> list[dict[str, Any]]:
        """Every account, the oldest first."""
        return [_account(account) for account in self._accounts.people.all()]

    def add_account(self, name: str, role: Role) -> dict[str, Any]:
        """Make one; by `link`, once, its owner sets a password."""
        account = self._accounts.people.add(name, role, self._actor)
        return {**_account(account), "link": self._link(account.account_id)}

    def change_account(
        self, account_id: str, *, role: Role | None = None, active: bool | None = None, new_link: bool = False
    ) -> dict[str, Any]:
        """Change it, and make a new link where that is wanted."""
        told = _account(self._accounts.people.change(account_id, self._actor, role=role, active=active))
        return {**told, "link": self._link(account_id)} if new_link else told

    def keys(self, account_id: str | None = None) -> list[dict[str, Any]]:
        """Every key, or those of one account, the oldest first."""
        return [_key(key) for key in self._accounts.api_keys.all(account_id)]

    def add_key(self, account_id: str, name: str, scopes: list[str], **given: Any) -> dict[str, Any]:  # noqa: ANN401
        """Make one; `key` is what a program sends, and is never shown again."""
        secret, key = self._accounts.api_keys.add(account_id, name, scopes, self._actor, **given)
        return {**_key(key), "key": secret}

    def revoke_key(self, key_id: str, of: str | None = None) -> dict[str, Any]:
        """Revoke one, of the account `of` where that is given."""
        return _key(self._accounts.api_keys.revoke(key_id, self._actor, of))

    def _link(self, account_id: str) -> str:
        return f"{self._url}/join?token={self._accounts.links.for_account(account_id, self._actor)}"


def _account(account: Account) -> dict[str, Any]:
    return {
        "account_id": account.account_id,
        "name": account.name,
        "role": account.role,
        "active": account.active,
        "password": account.password is not None,
        "oidc_issuer": account.issuer,
    }


def _key(key: ApiKey) -> dict[str, Any]:
    return {
        "key_id": key.key_id,
        "account_id": key.account_id,
        "name": key.name,
        "scopes": list(key.scopes),
        "until": key.until,
        "requests_per_minute": key.requests_per_minute,
        "tokens_per_day": key.tokens_per_day,
        "revoked": key.revoked,
    }
