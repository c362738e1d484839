"""Who may see which page, by the table of permissions, and what a page of another site may not do here."""

from __future__ import annotations

from urllib.parse import quote, urlsplit

import gradio as gr
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chatbot.accounts import PERSON_COOKIE, Accounts, Caller, cookie_header
from chatbot.api.common import error_response
from chatbot.errors import NotAllowed, NotSignedIn
from chatbot.pages.plain import closed
from chatbot.permissions import PAGES, Permit

_OPEN = ("/v1/", "/healthz", "/readyz", "/metrics")  # the API, which looks after itself
_MOUNTED = ("/review", "/safety", "/models", "/operate")
_PLAIN = tuple(page for page in PAGES if page not in (*_MOUNTED, "/", "/shared"))
# Gradio takes files there from everybody and keeps them, though no page asks for one.
_FILES = ("/gradio_api/upload", "/gradio_api/process_recording")
_PORTS = {"http": 80, "https": 443}
_SAFE = ("GET", "HEAD", "OPTIONS", "TRACE")


class Access:
    """Lets people through to the pages they may see; who has to sign in first is sent there."""

    def __init__(self, app: ASGIApp, accounts: Accounts) -> None:
        self._app, self._accounts = app, accounts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        connection = HTTPConnection(scope)
        refusal = self._refusal(connection)
        if refusal is None and not scope["path"].startswith(_OPEN):
            caller = self._accounts.caller(connection, by_key=False)
            refusal, send = self._to_page(connection, caller), _with_headers(send, caller)
        await (refusal or self._app)(scope, receive, send)

    def _refusal(self, connection: HTTPConnection) -> Response | None:
        """What nobody may do, whatever their role."""
        path, headers = connection.scope["path"], connection.headers
        if reason := _foreign(connection.scope, headers, self._accounts.reach.public_url):
            return error_response(NotAllowed(reason)) if path.startswith(_OPEN) else closed(reason)
        if path.rstrip("/").endswith(_FILES):
            return closed("No page here takes files.")
        return None

    def _to_page(self, connection: HTTPConnection, caller: Caller) -> Response | None:
        """None where the caller may see the page."""
        path = connection.scope["path"]
        if path in _MOUNTED or (path.endswith("/") and path[:-1] in _PLAIN):
            # Each page is found under one path; under the other, with or without a slash, the chat page would answer.
            return RedirectResponse(f"{path}/" if path in _MOUNTED else path[:-1], status_code=307)
        try:
            caller.must(_permit(path))
        except (NotAllowed, NotSignedIn) as error:
            is_visit = connection.scope.get("method") in ("GET", "HEAD") and path.rstrip("/") in ("", *PAGES)
            if caller.account_id is None and is_visit:
                query = f"?{connection.url.query}" if connection.url.query else ""
                return RedirectResponse(f"/sign-in?next={quote(path + query, safe='/')}", status_code=303)
            return closed(str(error))
        return None


def person_of(accounts: Accounts, request: gr.Request) -> str:
    """Who sent something from a page."""
    return accounts.caller(request.request, by_key=False).person


def _permit(path: str) -> Permit:
    return next((permit for page, permit in PAGES.items() if path == page or path.startswith(page + "/")), PAGES["/"])


def _foreign(scope: Scope, headers: Headers, public_url: str) -> str:
    """Why a page from elsewhere may not send this: a browser adds its cookies to that as well, whatever the port.

    Empty where none has sent it. Who sends a key means it, and a page from elsewhere cannot without our leave.
    """
    if "authorization" in headers:
        return ""
    ours = headers.get("host", "this server")
    proxy = "A proxy in between must pass the Host header on, or the setting public_url must name the address."
    if _other_origin(headers, public_url):
        told = f"This came from a page of {headers['origin']}, and only pages of {ours} may send it without a key."
        return f"{told} {proxy}"
    if scope.get("method", "GET") not in _SAFE and headers.get("sec-fetch-site") in ("cross-site", "same-site"):
        return f"This came from a page of another site, and only pages of {ours} may send it without a key."
    return ""


def _other_origin(headers: Headers, public_url: str) -> bool:
    """Behind a proxy that ends TLS the schemes differ, so only host and port are compared."""
    origin = headers.get("origin")
    if origin is None or (public_url and origin == public_url):
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


def _with_headers(send: Send, caller: Caller) -> Send:
    """A newcomer's cookie, and that no other site may show the page in a frame, for people to press unseen."""

    async def wrapped(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.setdefault("content-security-policy", "frame-ancestors 'self'")
            if caller.fresh_cookie is not None:
                headers.append("set-cookie", cookie_header(PERSON_COOKIE, caller.fresh_cookie))
        await send(message)

    return wrapped
