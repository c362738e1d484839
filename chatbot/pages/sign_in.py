"""Signing in and out, and one-time links."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from chatbot.accounts import SESSION_COOKIE, cookie_header
from chatbot.api.common import services_of
from chatbot.errors import BadRequest, ChatbotError, NameTaken, NotAllowed, TooMany
from chatbot.pages.forms import AccountsOf, CheckedForm, Field, address_of, own_path
from chatbot.pages.plain import closed, page, signed_in

CLOSED = "Nobody can make an account here by themselves; ask an admin for a link."
router = APIRouter(include_in_schema=False)


@router.get("/sign-in")
def sign_in_page(request: Request, accounts: AccountsOf, next: str = "/") -> Response:
    """Ask for name and password."""
    return _sign_in(request, next)


@router.post("/sign-in")
def sign_in(
    request: Request, accounts: CheckedForm, name: Field = "", password: Field = "", next: Field = "/"
) -> Response:
    """Begin a session, and go on to where somebody wanted to."""
    try:
        secret = accounts.sign_in(name, password, address_of(request))
    except NotAllowed as error:
        return _sign_in(request, next, 403, name=name, wrong=str(error))
    except TooMany as error:
        wait = {"Retry-After": str(error.retry_after)}
        return _sign_in(request, next, 429, headers=wait, name=name, wrong=str(error))
    return signed_in(request, accounts, secret, own_path(next))


@router.post("/sign-out")
def sign_out(request: Request, accounts: CheckedForm) -> Response:
    """End the session."""
    if (held := accounts.session_cookie(request)) is not None:
        accounts.sessions.end(held)
    response = RedirectResponse("/sign-in", status_code=303)
    secure = accounts.reach.is_secure(request)
    response.headers.append("set-cookie", cookie_header(SESSION_COOKIE, "", seconds=0, secure=secure))
    return response


@router.get("/join")
def join_page(request: Request, accounts: AccountsOf, token: str = "") -> Response:
    """Ask for what a one-time link gives: a password, and a name where there is no account yet."""
    return _join(request, token)


@router.post("/join")
def join(
    request: Request, accounts: CheckedForm, token: Field = "", name: Field = "", password: Field = ""
) -> Response:
    """Use the link up, or make an account where anybody may, and begin a session."""
    if not token and not _anybody_may_join(request):
        return closed(CLOSED)
    try:
        if token:
            account = accounts.links.use(token, name, password)
        else:
            accounts.count_sign_up(address_of(request))
            account = accounts.people.add(name, "user", "sign-up", password=password)
    except (BadRequest, NameTaken) as error:
        return _join(request, token, 400, name=name, wrong=str(error))
    except TooMany as error:
        return _join(request, token, 429, {"Retry-After": str(error.retry_after)}, name=name, wrong=str(error))
    return signed_in(request, accounts, accounts.sessions.begin(account.account_id), "/account")


def sign_in_again(request: Request, next_: str, status: int, wrong: str) -> Response:
    """The page once more, with what was wrong."""
    return _sign_in(request, next_, status, wrong=wrong)


def _sign_in(
    request: Request, next_: str, status: int = 200, headers: dict[str, str] | None = None, **parts: object
) -> Response:
    services = services_of(request)
    parts = {"name": "", "wrong": "", "next": own_path(next_), "sign_up": _anybody_may_join(request), **parts}
    provider = services.accounts.provider
    parts["provider"] = "" if provider is None else provider.name
    parts["guest"] = services.accounts.reach.is_local(request)
    return page(request, services.accounts, "sign_in.jinja", status, headers, **parts)


def _join(
    request: Request, token: str, status: int = 200, headers: dict[str, str] | None = None, **parts: Any  # noqa: ANN401
) -> Response:  # fmt: skip
    accounts, account, role = services_of(request).accounts, None, "user"
    if token:
        try:
            link = accounts.links.find(token)
        except ChatbotError as error:
            return closed(str(error), 404)
        role = link.role
        account = accounts.people.get(link.account_id).name if link.account_id is not None else None
    elif not _anybody_may_join(request):
        return closed(CLOSED, 404)
    parts = {"name": "", "wrong": "", "token_": token, "account": account, "role": role, **parts}
    return page(request, accounts, "join.jinja", status, headers, **parts)


def _anybody_may_join(request: Request) -> bool:
    return services_of(request).settings.text("sign_up") == "open"
