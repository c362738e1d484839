"""Who somebody is: a guest by a signed cookie, and roles by keys that are kept in the home."""

from __future__ import annotations

import hashlib
import ipaddress
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Literal, cast, get_args

from itsdangerous import BadSignature, URLSafeSerializer

from chatbot.errors import NotAllowed

Role = Literal["guest", "chat", "reviewer", "operator"]
PERSON_COOKIE, ROLE_COOKIE = "ratchet_person", "ratchet_role"
_ATTRIBUTES = {"max-age": 365 * 24 * 3600, "path": "/", "httponly": True, "samesite": "lax"}
RANKS: tuple[Role, ...] = get_args(Role)


@dataclass(frozen=True)
class Caller:
    """Who is calling. `fresh_cookie` must be set on the response when somebody is new."""

    person: str
    role: Role
    fresh_cookie: str | None = None

    def must_be(self, role: Role) -> None:
        """Raise NotAllowed unless the caller has at least this role."""
        if RANKS.index(self.role) < RANKS.index(role):
            raise NotAllowed(f"This needs the role {role}: open the link that `./ratchet up` printed, or send the key.")


class Accounts:
    """Keys and signatures live in `home`/keys.json, which only its owner can read."""

    def __init__(self, home: Path) -> None:
        self.keys = _keys(home / "keys.json")
        self._signer = URLSafeSerializer(self.keys["signature"], salt="ratchet")

    def caller(
        self,
        *,
        host: str | None,
        authorization: str | None,
        cookies: Mapping[str, str],
        user: str | None = None,
    ) -> Caller:
        """Who calls from `host`: `user` where an operator's key speaks for them, the browser, else the key itself.

        Raises NotAllowed.
        """
        role = self._role(authorization, cookies, host)
        if user is not None and authorization and role == "operator":
            return Caller(f"user:{user}", role)
        person = self._person(cookies.get(PERSON_COOKIE))
        if person is not None:
            return Caller(person, role)
        if authorization:
            return Caller(f"key:{role}", role)
        person = f"guest:{secrets.token_hex(12)}"
        return Caller(person, role, self._signer.dumps(["person", person]))

    def role_cookie(self, key: str, held: str | None) -> str | None:
        """The cookie for whoever has this key, `held` if that opens no fewer doors; None for an unknown key."""
        role = self._role_of_key(key)
        if role is None:
            return None
        known = self._held_role(held)
        if known is not None and RANKS.index(known) >= RANKS.index(role):
            return held
        return self._signer.dumps(["role", role, self._mark(role)])

    def _role(self, authorization: str | None, cookies: Mapping[str, str], host: str | None) -> Role:
        if authorization:
            role = self._role_of_key(authorization.removeprefix("Bearer ").strip())
            if role is None:
                raise NotAllowed("That key is not known here; `keys.json` in the home holds the ones that are.")
            return role
        if (held := self._held_role(cookies.get(ROLE_COOKIE))) is not None:
            return held
        if not _is_loopback(host):
            raise NotAllowed("Guests may chat from this machine only; open the link with the key, or send the key.")
        return "guest"

    def _role_of_key(self, key: str) -> Role | None:
        roles: tuple[Role, ...] = ("operator", "reviewer", "chat")
        return next((role for role in roles if secrets.compare_digest(self.keys[role].encode(), key.encode())), None)

    def _person(self, cookie: str | None) -> str | None:
        match self._signed(cookie):
            case ["person", str() as person]:
                return person
        return None

    def _held_role(self, cookie: str | None) -> Role | None:
        """The role of a cookie, while the key that it was given for is still that role's."""
        match self._signed(cookie):
            case ["role", "operator" | "reviewer" | "chat" as role, str() as mark] if mark == self._mark(role):
                return cast("Role", role)
        return None

    def _mark(self, role: str) -> str:
        """Tells a role's key from the one that took its place, and does not give it away."""
        return hashlib.sha256(self.keys[role].encode()).hexdigest()[:16]

    def _signed(self, cookie: str | None) -> object:
        try:
            return self._signer.loads(cookie) if cookie is not None else None
        except BadSignature:
            return None


def cookie_header(name: str, value: str) -> str:
    """The value of a Set-Cookie header: for a year, for every path, out of reach of scripts and of other sites."""
    cookie = SimpleCookie({name: value})
    for attribute, setting in _ATTRIBUTES.items():
        cookie[name][attribute] = setting
    return cookie[name].OutputString()


def write_private(path: Path, value: Mapping[str, object]) -> None:
    """Write `value` as JSON, in one step, to a file that only its owner can read."""
    draft = path.with_name(f".{path.name}.draft")
    with open(os.open(draft, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as file:  # noqa: PTH123
        json.dump(value, file, indent=1)
    draft.replace(path)


def _keys(path: Path) -> dict[str, str]:
    if path.exists():
        found: dict[str, str] = json.loads(path.read_text())
        return found
    keys = {name: secrets.token_urlsafe(24) for name in ("operator", "reviewer", "chat", "signature")}
    write_private(path, keys)
    return keys


def _is_loopback(host: str | None) -> bool:
    try:
        return host is not None and ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
