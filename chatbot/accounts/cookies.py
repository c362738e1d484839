"""The cookies, out of reach of scripts and of other sites."""

from __future__ import annotations

from collections.abc import Mapping
from http.cookies import SimpleCookie
from typing import Any

PERSON_COOKIE, SESSION_COOKIE = "ratchet_person", "ratchet_session"  # a guest's, and that of somebody who signed in
FORM_COOKIE, OIDC_COOKIE = "ratchet_form", "ratchet_oidc"  # of somebody who is about to sign in
YEAR = 365 * 24 * 3600


def cookie_header(name: str, value: str, *, seconds: float = YEAR, secure: bool = False) -> str:
    """The value of a Set-Cookie header, for every path. Over https no other host of the domain can have set it."""
    held = cookie_name(name, secure)
    cookie = SimpleCookie({held: value})
    attributes: dict[str, Any] = {"max-age": int(seconds), "path": "/", "samesite": "lax", "httponly": True}
    cookie[held].update({**attributes, "secure": secure})
    return cookie[held].OutputString()


def cookie_name(name: str, secure: bool) -> str:
    """The name in the browser."""
    return f"__Host-{name}" if secure and name != PERSON_COOKIE else name


def cookie_of(cookies: Mapping[str, str], name: str, secure: bool) -> str | None:
    """The value that the browser sent."""
    return cookies.get(cookie_name(name, secure))
