"""Accounts, API keys, and who one is."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from chatbot.accounts import DAYS, Caller, Roster
from chatbot.api.common import CallerOf, ServicesOf
from chatbot.api.problems import problems
from chatbot.errors import BadRequest
from chatbot.permissions import ADMIN, Role, Scope

AccountRole = Literal["user", "reviewer", "operator", "admin"]
AccountId = Annotated[str, Path(description="The id of an account, as the list gives it.")]
KeyId = Annotated[str, Path(description="The id of a key, as the list gives it; it stands in the key, after `rk_`.")]
router = APIRouter(prefix="/v1", tags=["Accounts"])


class Me(BaseModel):
    """Who is calling, and what they may do."""

    person: str = Field(description="By whom votes and conversations are kept.")
    name: str = Field(description="The name of the account or of the key.")
    role: Role
    account_id: str | None = Field(description="Of the session, or of the key's owner; null for guests.")
    key_id: str | None = Field(description="The key that was sent; null where none was.")
    scopes: list[Scope] | None = Field(description="What the key is for; null where none was sent.")
    requests_per_minute: int | None = Field(description="The key's own budget; null for none.")
    tokens_per_day: int | None = Field(description="The key's own budget; null for none.")


class AccountShown(BaseModel):
    """An account."""

    account_id: str
    name: str
    role: AccountRole
    active: bool = Field(description="Whether it is let in.")
    password: bool = Field(description="Whether one is set.")
    oidc_issuer: str | None = Field(description="The OIDC provider that it signs in with.")
    link: str | None = Field(default=None, description="By which its owner sets a password, once, within a day.")


class AccountList(BaseModel):
    """Every account, the oldest first."""

    accounts: list[AccountShown]


class KeyShown(BaseModel):
    """A key, without what it opens with."""

    key_id: str
    account_id: str = Field(description="Whose it is.")
    name: str
    scopes: list[Scope]
    until: float | None = Field(description="When it expires, in seconds since 1970; null for never.")
    requests_per_minute: int | None
    tokens_per_day: int | None
    revoked: bool


class NewKey(KeyShown):
    """A key that was made just now."""

    key: str = Field(description="What a program sends. It is never shown again.")


class KeyList(BaseModel):
    """Keys, the oldest first."""

    keys: list[KeyShown]


class AccountBody(BaseModel):
    """A new account."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(description="1 to 64 characters; upper and lower case are the same.")
    role: AccountRole = "user"


class ChangeBody(BaseModel):
    """What changes about an account."""

    model_config = ConfigDict(extra="forbid")

    role: AccountRole | None = Field(default=None, description="Another role, which holds at once.")
    active: bool | None = Field(default=None, description="False disables it: sessions end, and keys are dead.")
    new_link: bool = Field(default=False, description="Make a link by which its owner sets a password.")


class KeyBody(BaseModel):
    """A new key."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(description="What the key is for.")
    scopes: list[str] = Field(description="What it may do, within its owner's role.")
    days: float | None = Field(default=DAYS, description="Until it expires, up to 365; null, for admins, is never.")
    requests_per_minute: int | None = Field(default=None, description="A budget of its own.")
    tokens_per_day: int | None = Field(default=None, description="A budget of its own.")
    account_id: str | None = Field(default=None, description="Another owner than the caller, which admins may name.")


async def _roster(request: Request, response: Response, services: ServicesOf, caller: CallerOf) -> Roster:
    response.headers["Cache-Control"] = "no-store"  # an answer may hold a key or a link
    return Roster(services.accounts, services.accounts.reach.url(request), caller.person)


RosterOf = Annotated[Roster, Depends(_roster)]


@router.get("/me", summary="See who you are", responses=problems())
async def me(caller: CallerOf) -> Me:
    """Your role, and what the key may do if you sent one."""
    return Me(
        person=caller.person,
        name=caller.name,
        role=caller.role,
        account_id=caller.account_id,
        key_id=caller.key_id,
        scopes=None if caller.scopes is None else sorted(caller.scopes),
        requests_per_minute=caller.budget.requests_per_minute or None,
        tokens_per_day=caller.budget.tokens_per_day or None,
    )


@router.get("/accounts", summary="List the accounts", responses=problems())
def accounts(roster: RosterOf) -> AccountList:
    """Every account, the oldest first."""
    return AccountList.model_validate({"accounts": roster.accounts()})


@router.post("/accounts", status_code=201, summary="Make an account", responses=problems(400, 409))
def add_account(body: AccountBody, roster: RosterOf) -> AccountShown:
    """It comes with the link by which its owner sets a password."""
    return AccountShown.model_validate(roster.add_account(body.name, body.role))


@router.patch("/accounts/{account_id}", summary="Change an account", responses=problems(400, 404, 409))
def change_account(account_id: AccountId, body: ChangeBody, roster: RosterOf) -> AccountShown:
    """Another role, in or out, a new link. The last admin can neither be disabled nor demoted."""
    told = roster.change_account(account_id, role=body.role, active=body.active, new_link=body.new_link)
    return AccountShown.model_validate(told)


@router.get("/keys", summary="List your keys", responses=problems())
def keys(roster: RosterOf, caller: CallerOf) -> KeyList:
    """Your keys, the revoked ones as well; an admin sees everybody's."""
    return KeyList.model_validate({"keys": roster.keys(_whose(caller))})


@router.post("/keys", status_code=201, summary="Make a key", responses=problems(400, 404))
def add_key(body: KeyBody, roster: RosterOf, caller: CallerOf) -> NewKey:
    """Keep what it says under `key`: it is never shown again."""
    owner = body.account_id or caller.account_id
    if owner is None:
        raise BadRequest("account_id: name the account that the key is for; this key itself belongs to none.")
    if owner != caller.account_id:
        caller.must(ADMIN)
    given = body.model_dump(include={"days", "requests_per_minute", "tokens_per_day"})
    return NewKey.model_validate(roster.add_key(owner, body.name, body.scopes, **given))


@router.delete("/keys/{key_id}", summary="Revoke a key", responses=problems(404))
def revoke_key(key_id: KeyId, roster: RosterOf, caller: CallerOf) -> KeyShown:
    """From now on it opens nothing."""
    return KeyShown.model_validate(roster.revoke_key(key_id, of=_whose(caller)))


def _whose(caller: Caller) -> str | None:
    """Whose keys the caller may see: None for everybody's."""
    return None if caller.may(ADMIN) else caller.account_id
