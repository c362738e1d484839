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

from itsdangerous import BadSignature, URLSafeSerializer

from chatbot.errors import NotAllowed, UnknownKey
from chatbot.permissions import Permit, Role, ranks

PERSON_COOKIE, ROLE_COOKIE = "ratchet_person", "ratchet_role"
_ATTRIBUTES = {"max-age": 365 * 24 * 3600, "path": "/", "httponly": True, "samesite": "lax"}
_ROLES: Mapping[str, Role] = {"operator": "operator", "reviewer": "reviewer", "chat": "user"}  # by the name of the key


@dataclass(frozen=True)
class Caller:
    """Who is calling. `fresh_cookie` must be set on the response when somebody is new."""

    person: str
    role: Role
    fresh_cookie: str | None = None

    def must(self, permit: Permit) -> None:
        """Raise NotAllowed unless the permit allows the caller's role."""
        if ranks(self.role, permit.role):
            return
        if self.role == "nobody":
            raise NotAllowed("Guests may chat from this machine only; open the link with the key, or send the key.")
        told = "open the link that `./ratchet up` printed, or send the key"
        raise NotAllowed(f"This needs the role {permit.role}: {told}.")


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
        if known is not None and ranks(known, role):
            return held
        name = self._name_of_key(key)
        return self._signer.dumps(["role", name, self._mark(str(name))])

    def _role(self, authorization: str | None, cookies: Mapping[str, str], host: str | None) -> Role:
        if authorization:
            role = self._role_of_key(authorization.removeprefix("Bearer ").strip())
            if role is None:
                raise UnknownKey("That key is not known here; `keys.json` in the home holds the ones that are.")
            return role
        if (held := self._held_role(cookies.get(ROLE_COOKIE))) is not None:
            return held
        return "guest" if _is_loopback(host) else "nobody"

    def _role_of_key(self, key: str) -> Role | None:
        name = self._name_of_key(key)
        return None if name is None else _ROLES[name]

    def _name_of_key(self, key: str) -> str | None:
        return next((name for name in _ROLES if secrets.compare_digest(self.keys[name].encode(), key.encode())), None)

    def _person(self, cookie: str | None) -> str | None:
        match self._signed(cookie):
            case ["person", str() as person]:
                return person
        return None

    def _held_role(self, cookie: str | None) -> Role | None:
        """The role of a cookie, while the key that it was given for is still that role's."""
        match self._signed(cookie):
            case ["role", str() as name, str() as mark] if name in _ROLES and mark == self._mark(name):
                return _ROLES[name]
        return None

    def _mark(self, name: str) -> str:
        """Tells a key from the one that took its place, and does not give it away."""
        return hashlib.sha256(self.keys[name].encode()).hexdigest()[:16]

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
