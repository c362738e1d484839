"""The account page: who somebody is, their password, and their API keys."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from chatbot.accounts import Accounts, Caller
from chatbot.errors import BadRequest, ChatbotError, TooMany
from chatbot.pages.forms import AccountsOf, CheckedForm, Field, address_of
from chatbot.pages.plain import page, signed_in
from chatbot.permissions import Scope, scopes_of

WORDS: Mapping[Scope, str] = {
    "chat": "Ask the model.",
    "feedback": "Vote, rewrite and compare.",
    "review": "Work through the review queue.",
    "operate": "Start laps, promote, roll back, export.",
    "admin": "Manage accounts and keys.",
    "act-for-users": "Speak for many people, whom the field user names.",
}
router = APIRouter(prefix="/account", include_in_schema=False)


@router.get("")
def account_page(request: Request, accounts: AccountsOf) -> Response:
    """Show it."""
    return _shown(request, accounts)


@router.post("/password")
def set_password(request: Request, accounts: CheckedForm, old: Field = "", password: Field = "") -> Response:
    """Set another password."""
    me = _me(request, accounts)
    try:
        secret = accounts.change_password(str(me.account_id), old, password, address_of(request))
    except TooMany as error:
        return _shown(request, accounts, 429, {"Retry-After": str(error.retry_after)}, wrong=str(error))
    except ChatbotError as error:
        return _shown(request, accounts, 400, wrong=str(error))
    return signed_in(request, accounts, secret, "/account?done=password")


@router.post("/keys")
def make_key(
    request: Request,
    accounts: CheckedForm,
    name: Field = "",
    scopes: Annotated[list[str] | None, Form()] = None,
    days: Field = "",
) -> Response:
    """Make a key and show it, once."""
    me = _me(request, accounts)
    try:
        lasts = _days(days)
        secret, _ = accounts.api_keys.add(str(me.account_id), name, scopes or [], me.person, days=lasts)
    except ChatbotError as error:
        return _shown(request, accounts, 400, wrong=str(error))
    return _shown(request, accounts, secret=secret)


@router.post("/keys/{key_id}/revoke")
def revoke_key(key_id: str, request: Request, accounts: CheckedForm) -> Response:
    """End a key."""
    me = _me(request, accounts)
    try:
        key = accounts.api_keys.revoke(key_id, me.person, of=me.account_id)
    except ChatbotError as error:
        return _shown(request, accounts, 404, wrong=str(error))
    return _shown(request, accounts, done=f"The key {key.name!r} is revoked.")


def _shown(
    request: Request, accounts: Accounts, status: int = 200, headers: dict[str, str] | None = None, **parts: object
) -> Response:
    me = _me(request, accounts)
    account = accounts.people.get(str(me.account_id))
    done = "The password is set." if request.query_params.get("done") == "password" else ""
    parts = {
        "wrong": "",
        "done": done,
        "secret": "",
        "keys": [key for key in accounts.api_keys.all(me.account_id) if not key.revoked],
        "now": time.time(),
        "scopes": [(scope, WORDS[scope]) for scope in scopes_of(me.role)],
        "has_password": account.password is not None,
        "provider": (accounts.provider.name if accounts.provider else account.issuer) if account.issuer else "",
        "base": accounts.reach.url(request),
        **parts,
    }
    return page(request, accounts, "account.jinja", status, headers, **parts)


def _me(request: Request, accounts: Accounts) -> Caller:
    return accounts.caller(request, by_key=False)


def _days(text: str) -> float | None:
    if not text:
        return None
    try:
        return float(text)
    except ValueError:
        raise BadRequest(f"A key lasts a number of days, not {text!r}.") from None
