"""Where somebody erases everything about themselves, and takes the receipt away."""

from __future__ import annotations

import json
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from chatbot.accounts import PERSON_COOKIE, SESSION_COOKIE, Accounts, cookie_header
from chatbot.api.common import services_of
from chatbot.errors import ChatbotError, TooMany
from chatbot.pages.forms import AccountsOf, CheckedForm, Field, address_of
from chatbot.pages.plain import page

router = APIRouter(prefix="/erase-me", include_in_schema=False)


@router.get("")
def erase_page(request: Request, accounts: AccountsOf) -> Response:
    """Say what will go, and ask for the name."""
    return _shown(request, accounts)


@router.post("")
def erase(request: Request, accounts: CheckedForm, confirm: Field = "") -> Response:
    """Erase whoever sent the form, and show the receipt, once."""
    erasures = services_of(request).erasures
    me = accounts.caller(request, by_key=False)
    try:
        receipt = erasures.erase_me(me, confirm, address_of(request))
    except TooMany as error:
        return _shown(request, accounts, 429, {"Retry-After": str(error.retry_after)}, wrong=str(error))
    except ChatbotError as error:
        return _shown(request, accounts, 400, wrong=str(error))
    erasures.follow_up()
    response = _shown(request, accounts, receipt=receipt, person=me.person)
    secure = accounts.reach.is_secure(request)
    for cookie in (PERSON_COOKIE, SESSION_COOKIE):
        response.headers.append("set-cookie", cookie_header(cookie, "", seconds=0, secure=secure))
    return response


def _shown(
    request: Request,
    accounts: Accounts,
    status: int = 200,
    headers: dict[str, str] | None = None,
    *,
    wrong: str = "",
    receipt: dict[str, Any] | None = None,
    person: str = "",
) -> Response:
    told = {name: value for name, value in (receipt or {}).items() if name != "salt"}
    parts = {
        "wrong": wrong,
        "person": person,
        "receipt": json.dumps(told, indent=1) if receipt else "",
        "rows": sum(receipt["removed"]["store"].values()) if receipt else 0,
        "salt": receipt["salt"] if receipt else "",
    }
    return page(request, accounts, "erase_me.jinja", status, headers, **parts)
