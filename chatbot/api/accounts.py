"""Accounts, API keys, and who one is."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict

from chatbot.accounts import DAYS, Caller, Roster
from chatbot.api.common import CallerOf, ServicesOf
from chatbot.errors import BadRequest
from chatbot.permissions import ADMIN

AccountRole = Literal["user", "reviewer", "operator", "admin"]
router = APIRouter(prefix="/v1")


class AccountBody(BaseModel):
    """A new account; a one-time link comes with it."""

    model_config = ConfigDict(extra="forbid")

    name: str
    role: AccountRole = "user"


class ChangeBody(BaseModel):
    """What changes; `new_link` makes a one-time link to set a password."""

    model_config = ConfigDict(extra="forbid")

    role: AccountRole | None = None
    active: bool | None = None
    new_link: bool = False


class KeyBody(BaseModel):
    """A new key; `days` is null for one that never ends, `account_id` names another owner, which admins may."""

    model_config = ConfigDict(extra="forbid")

    name: str
    scopes: list[str]
    days: float | None = DAYS
    requests_per_minute: int | None = None
    tokens_per_day: int | None = None
    account_id: str | None = None


def _roster(request: Request, services: ServicesOf, caller: CallerOf) -> Roster:
    return Roster(services.accounts, services.accounts.reach.url(request), caller.person)


RosterOf = Annotated[Roster, Depends(_roster)]


@router.get("/me")
def me(caller: CallerOf) -> dict[str, Any]:
    """Who is calling, and what they may do; `scopes` is null where no key was sent."""
    return {
        "person": caller.person,
        "name": caller.name,
        "role": caller.role,
        "account_id": caller.account_id,
        "key_id": caller.key_id,
        "scopes": None if caller.scopes is None else sorted(caller.scopes),
        "requests_per_minute": caller.budgets.requests_per_minute,
        "tokens_per_day": caller.budgets.tokens_per_day,
    }


@router.get("/accounts")
def accounts(roster: RosterOf) -> dict[str, Any]:
    """Every account."""
    return {"accounts": roster.accounts()}


@router.post("/accounts", status_code=201)
def add_account(body: AccountBody, roster: RosterOf) -> dict[str, Any]:
    """Make an account, and the link by which its owner sets a password."""
    return roster.add_account(body.name, body.role)


@router.patch("/accounts/{account_id}")
def change_account(account_id: str, body: ChangeBody, roster: RosterOf) -> dict[str, Any]:
    """Change a role, disable or enable, make a new link."""
    return roster.change_account(account_id, role=body.role, active=body.active, new_link=body.new_link)


@router.get("/keys")
def keys(roster: RosterOf, caller: CallerOf) -> dict[str, Any]:
    """The caller's keys; an admin sees everybody's."""
    return {"keys": roster.keys(_whose(caller))}


@router.post("/keys", status_code=201)
def add_key(body: KeyBody, roster: RosterOf, caller: CallerOf) -> dict[str, Any]:
    """Make a key; `key` is never shown again."""
    owner = body.account_id or caller.account_id
    if owner is None:
        raise BadRequest("account_id: name the account that the key is for; this key itself belongs to none.")
    if owner != caller.account_id:
        caller.must(ADMIN)
    given = body.model_dump(include={"days", "requests_per_minute", "tokens_per_day"})
    return roster.add_key(owner, body.name, body.scopes, **given)


@router.delete("/keys/{key_id}")
def revoke_key(key_id: str, roster: RosterOf, caller: CallerOf) -> dict[str, Any]:
    """Revoke a key: from now on it opens nothing."""
    return roster.revoke_key(key_id, of=_whose(caller))


def _whose(caller: Caller) -> str | None:
    """Whose keys the caller may see: None for everybody's."""
    return None if caller.may(ADMIN) else caller.account_id
