"""The pages that are plain HTML: what the server fills in, with forms that need no script."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from chatbot.accounts import FORM_COOKIE, SESSION_COOKIE, Accounts, Caller, cookie_header, cookie_of
from chatbot.accounts.ledger import new_secret
from chatbot.pages.look import STYLE, header, who

FORM_SECONDS = 24 * 3600
_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).with_name("templates")), autoescape=True, undefined=StrictUndefined
)


def _with_code(text: str) -> Markup:
    """What stands between backticks, as code."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704 - it was escaped


_CODE = re.compile("`([^`]+)`")
_TEMPLATES.filters["code"] = _with_code
# Nothing of these pages comes from elsewhere, none may be framed, and their addresses may hold a token.
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "Referrer-Policy": "same-origin",  # with none at all a browser would not say that a form is ours
    "X-Content-Type-Options": "nosniff",
}


def page(
    request: Request, accounts: Accounts, template: str, status: int = 200, headers: Mapping[str, str] | None = None,
    **parts: object,
) -> Response:  # fmt: skip
    """A page whose forms can be sent: `form` is the token that they carry, `me` who looks at it."""
    secure = accounts.reach.is_secure(request)
    held = cookie_of(request.cookies, FORM_COOKIE, secure)
    fresh = "" if held else new_secret()
    me = accounts.caller(request, by_key=False)
    parts = {"form": accounts.form_token(request, fresh), "me": me, **parts}
    response = _rendered(template, status, headers, parts)
    if fresh:
        cookie = cookie_header(FORM_COOKIE, fresh, seconds=FORM_SECONDS, secure=secure)
        response.headers.append("set-cookie", cookie)
    return response


def closed(reason: str, status: int = 403) -> Response:
    """A door that is closed, and why."""
    return _rendered("closed.jinja", status, None, {"me": None, "reason": reason})


def signed_in(request: Request, accounts: Accounts, secret: str, path: str) -> Response:
    """On to `path`, with the cookie of a new session in place of the one before."""
    if (before := accounts.session_cookie(request)) is not None:
        accounts.sessions.end(before)
    response = RedirectResponse(path, status_code=303)
    secure, seconds = accounts.reach.is_secure(request), accounts.sessions.seconds
    response.headers.append("set-cookie", cookie_header(SESSION_COOKIE, secret, seconds=seconds, secure=secure))
    return response


def day(seconds: float | None) -> str:
    """A day, from seconds since 1970."""
    return "never" if seconds is None else f"{datetime.fromtimestamp(seconds, UTC):%d %b %Y}"


def _rendered(
    template: str, status: int, headers: Mapping[str, str] | None, parts: Mapping[str, object]
) -> HTMLResponse:
    me = cast("Caller | None", parts["me"])

    def bar(name: str) -> Markup:
        return Markup(header(name, who=who(me, name) if me else ""))  # noqa: S704 - made of what is escaped

    shown = _TEMPLATES.get_template(template).render(style=Markup(STYLE), bar=bar, day=day, **parts)  # noqa: S704
    return HTMLResponse(shown, status, {**_HEADERS, **(headers or {})})
