"""Who may see which page. A link with a key opens a door once, and the browser remembers it by a signed cookie."""

from __future__ import annotations

import html
from urllib.parse import urlsplit

import gradio as gr
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chatbot.accounts import PERSON_COOKIE, ROLE_COOKIE, Accounts, Caller, cookie_header
from chatbot.api.common import error_response
from chatbot.errors import NotAllowed, UnknownKey
from chatbot.pages.look import STYLE
from chatbot.permissions import PAGES

_OPEN = ("/v1/", "/healthz", "/readyz", "/metrics")
# Gradio takes files there from everybody and keeps them, though no page asks for one.
_FILES = ("/gradio_api/upload", "/gradio_api/process_recording")
_PORTS = {"http": 80, "https": 443}


class Access:
    """Lets people through to the pages they may see; the API looks after itself."""

    def __init__(self, app: ASGIApp, accounts: Accounts) -> None:
        self._app, self._accounts = app, accounts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        connection = HTTPConnection(scope)
        if _is_foreign(connection.headers):
            await _not_from_here(scope["path"], connection.headers)(scope, receive, send)
            return
        if scope["path"].rstrip("/").endswith(_FILES):
            await _closed("No page here takes files.")(scope, receive, send)
            return
        if scope["path"].startswith(_OPEN):
            await self._app(scope, receive, send)
            return
        if scope["type"] == "http" and (key := connection.query_params.get("key")) is not None:
            await self._with_key(Request(scope), key)(scope, receive, send)
            return
        if scope["path"] in PAGES and scope["path"] != "/":
            # The page is mounted under its path with a slash; without one the chat page would answer.
            await RedirectResponse(scope["path"] + "/", status_code=307)(scope, receive, send)
            return
        try:
            caller = caller_of(self._accounts, connection)
            caller.must(next((permit for page, permit in PAGES.items() if _under(scope["path"], page)), PAGES["/"]))
        except (NotAllowed, UnknownKey) as error:
            await _closed(str(error))(scope, receive, send)
            return
        await self._app(scope, receive, _with_cookie(send, caller))

    def _with_key(self, request: Request, key: str) -> Response:
        cookie = self._accounts.role_cookie(key, request.cookies.get(ROLE_COOKIE))
        if cookie is None:
            return _closed("This link has a key that is not known here; `./ratchet up` prints the ones that are.")
        # The key must not stay in the address, where it would be shared and remembered.
        response = RedirectResponse(request.url.path, status_code=303)
        response.headers.append("set-cookie", cookie_header(ROLE_COOKIE, cookie))
        return response


def caller_of(accounts: Accounts, connection: HTTPConnection) -> Caller:
    """Who is calling. Raises NotAllowed."""
    return accounts.caller(
        host=connection.client.host if connection.client else None,
        authorization=None,
        cookies=connection.cookies,
    )


def person_of(accounts: Accounts, request: gr.Request) -> str:
    """Who sent something from a page. Raises NotAllowed."""
    return caller_of(accounts, request.request).person


def _is_foreign(headers: Headers) -> bool:
    """Whether a page from elsewhere sent this: a browser adds its cookies to that as well, whatever the port.

    Behind a proxy that ends TLS the schemes differ, so only host and port are compared. Who sends a key means it, and
    a page from elsewhere cannot without our leave.
    """
    origin = headers.get("origin")
    if origin is None or "authorization" in headers:
        return False
    scheme = origin.partition(":")[0].lower()
    theirs, ours = _host_and_port(origin), _host_and_port(f"{scheme}://{headers.get('host', '')}")
    return theirs is None or theirs != ours


def _host_and_port(url: str) -> tuple[str, int] | None:
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        return None
    return (parts.hostname, port) if parts.hostname and port else None


def _under(path: str, page: str) -> bool:
    return path == page or path.startswith(page + "/")


def _with_cookie(send: Send, caller: Caller) -> Send:
    async def wrapped(message: Message) -> None:
        if message["type"] == "http.response.start" and caller.fresh_cookie is not None:
            MutableHeaders(scope=message).append("set-cookie", cookie_header(PERSON_COOKIE, caller.fresh_cookie))
        await send(message)

    return wrapped


def _not_from_here(path: str, headers: Headers) -> Response:
    reason = (
        f"This came from a page of {headers['origin']}, and only pages of {headers.get('host', 'this server')} may "
        "send it without a key. A proxy in between must pass the Host header on."
    )
    if path.startswith(_OPEN):
        return error_response(NotAllowed(reason))
    return _closed(reason)


def _closed(reason: str) -> HTMLResponse:
    page = f"<!doctype html><title>Ratchet</title>{STYLE}<main class='rt-closed'><h1>This door is closed</h1>"
    return HTMLResponse(f"{page}<p>{html.escape(reason)}</p><p><a href='/'>To the chat</a></p></main>", 403)
