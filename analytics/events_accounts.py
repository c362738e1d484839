"""Accounts and what lets them in. All of it is private."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from analytics.events import Event


@dataclass(frozen=True)
class Account(Event):
    """Somebody with a name here; the latest row of an `account_id` holds.

    `password` is an argon2id hash, None where there is none; `issuer` and `subject` are those of an OIDC provider.
    """

    table: ClassVar[str] = "account"
    private: ClassVar[bool] = True

    account_id: str
    name: str
    role: str
    password: str | None
    issuer: str | None
    subject: str | None
    active: bool


@dataclass(frozen=True)
class ApiKey(Event):
    """An account's key; the latest row of a `key_id` holds. `until` is in seconds since 1970, None for ever.

    The two budgets are None where there is no limit.
    """

    table: ClassVar[str] = "api_key"
    private: ClassVar[bool] = True

    key_id: str
    account_id: str
    name: str
    secret_sha256: str
    scopes: Sequence[str]
    until: float | None
    requests_per_minute: int | None
    tokens_per_day: int | None
    revoked: bool


@dataclass(frozen=True)
class Session(Event):
    """A browser that somebody signed in with; the latest row of a `session_id` holds. `until` in seconds since 1970."""

    table: ClassVar[str] = "session"
    private: ClassVar[bool] = True

    session_id: str
    account_id: str
    secret_sha256: str
    until: float
    ended: bool


@dataclass(frozen=True)
class Link(Event):
    """A link that works once: the latest row of a `link_id` holds. `until` in seconds since 1970.

    It lets the account choose a password, or, where `account_id` is None, makes an account of that role.
    """

    table: ClassVar[str] = "link"
    private: ClassVar[bool] = True

    link_id: str
    account_id: str | None
    role: str
    secret_sha256: str
    until: float
    state: Literal["open", "used", "withdrawn"]


ACCOUNT_EVENTS: tuple[type[Event], ...] = (Account, ApiKey, Session, Link)
