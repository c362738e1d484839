"""Signing in at an OIDC provider: there, and back again."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from chatbot.accounts import OIDC_COOKIE, Accounts, cookie_header, cookie_of
from chatbot.errors import NotAllowed, ProviderDown
from chatbot.pages.forms import AccountsOf, own_path
from chatbot.pages.plain import signed_in
from chatbot.pages.sign_in import sign_in_again

NOTE_SECONDS = 600
router = APIRouter(prefix="/sign-in", include_in_schema=False)


@router.get("/provider")
def go(request: Request, accounts: AccountsOf, next: str = "/") -> Response:
    """Send the browser to the provider."""
    if accounts.provider is None:
        return sign_in_again(request, next, 404, "No provider is set up here; sign in with name and password.")
    try:
        url, note = accounts.provider.begin(_back(request, accounts))
    except ProviderDown as error:
        return sign_in_again(request, next, 503, str(error))
    response = RedirectResponse(url, status_code=303)
    _keep(response, request, accounts, accounts.signed({**note, "next": own_path(next)}))
    return response


@router.get("/callback")
def come_back(request: Request, accounts: AccountsOf) -> Response:
    """Begin a session for whom the provider names."""
    held = cookie_of(request.cookies, OIDC_COOKIE, accounts.reach.is_secure(request))
    note = accounts.unsigned(held, NOTE_SECONDS)
    try:
        secret = accounts.sign_in_by_provider(request.query_params, note, _back(request, accounts))
    except (NotAllowed, ProviderDown) as error:
        response = sign_in_again(request, "/", 503 if isinstance(error, ProviderDown) else 403, str(error))
    else:
        response = signed_in(request, accounts, secret, own_path((note or {}).get("next", "/")))
    _keep(response, request, accounts, "", seconds=0)
    return response


def _back(request: Request, accounts: Accounts) -> str:
    return f"{accounts.reach.url(request)}/sign-in/callback"


def _keep(response: Response, request: Request, accounts: Accounts, note: str, seconds: float = NOTE_SECONDS) -> None:
    secure = accounts.reach.is_secure(request)
    response.headers.append("set-cookie", cookie_header(OIDC_COOKIE, note, seconds=seconds, secure=secure))
