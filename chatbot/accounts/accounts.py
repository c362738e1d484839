"""Who somebody is: by an API key, by a session, or as a guest on this machine."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Container, Mapping
from pathlib import Path
from typing import cast

from itsdangerous import BadSignature, URLSafeSerializer, URLSafeTimedSerializer
from starlette.requests import HTTPConnection

from analytics import Store
from chatbot.accounts import passwords
from chatbot.accounts.api_keys import ApiKeys
from chatbot.accounts.attempts import Attempts
from chatbot.accounts.caller import Caller
from chatbot.accounts.cookies import FORM_COOKIE, PERSON_COOKIE, SESSION_COOKIE, cookie_of
from chatbot.accounts.home_keys import home_keys
from chatbot.accounts.ledger import Ledger
from chatbot.accounts.links import Links
from chatbot.accounts.names import Names
from chatbot.accounts.oidc import Provider
from chatbot.accounts.people import People
from chatbot.accounts.reach import Reach
from chatbot.accounts.sessions import Sessions
from chatbot.errors import NotAllowed, UnknownKey
from chatbot.limits import Budget
from chatbot.permissions import SCOPES, Role, Scope, ranks, scopes_of

COMMAND_LINE = "key:operator"  # the person whom the key in the home is


class Accounts:
    """Everything is read from the store once, so that to know a caller costs one hash and one look."""

    def __init__(
        self,
        home: Path,
        store: Store,
        *,
        public_url: str = "",
        session_days: float = 30.0,
        provider: Provider | None = None,
        newcomers: bool = True,
        user_header: str = "",
    ) -> None:
        self.provider, self._newcomers, self._user_header = provider, newcomers, user_header
        self.keys = home_keys(home)
        self.reach = Reach(public_url)
        self._ledger = Ledger(store)
        self.sessions = Sessions(self._ledger, session_days)
        self.people = People(self._ledger, self.sessions)
        self.api_keys = ApiKeys(self._ledger, self.people)
        self.links = Links(self._ledger, self.people)
        self.names = Names(store)
        self._attempts = Attempts()
        self._signer = URLSafeSerializer(self.keys["signature"], salt="ratchet")
        self._short = URLSafeTimedSerializer(self.keys["signature"], salt="ratchet note")

    def forget(self, accounts: Container[str], people: Container[str]) -> None:
        """Let go of who was erased."""
        with self._ledger.lock:
            for kept in (self.people, self.api_keys, self.sessions, self.links):
                kept.forget(accounts)
        self.names.forget(people)

    def caller(self, connection: HTTPConnection, user: str | None = None, *, by_key: bool = True) -> Caller:
        """Who calls; `user`, or else the header that is set for it, names whom a key with the scope for it speaks for.

        Raises UnknownKey, which says what is wrong with the key.
        """
        authorization = connection.headers.get("authorization") if by_key else None
        if authorization is not None:
            return self._by_key(authorization, self._named(connection) if user is None else user)
        return self._by_session(connection) or self._guest(connection)

    def sign_in(self, name: str, password: str, address: str) -> str:
        """Begin a session and return what its cookie holds. Raises NotAllowed, TooMany."""
        account = self.people.named(name)
        known = account.account_id if account is not None else name.strip().casefold()
        self._attempts.begin(known, address)
        kept = account.password if account is not None and account.active else None
        if not passwords.fits(password, kept) or account is None or kept is None:
            if self._attempts.used_up(known, address):
                told = account.account_id if account is not None else None
                self._ledger.note("account.lock", "server", account=told, address=address)
            raise NotAllowed("The name or the password is wrong.")
        self._attempts.succeed(known, address)
        if passwords.is_outdated(kept):
            kept = self.people.refresh_hash(account, password)
        with self._ledger.lock:
            now = self.people.get(account.account_id)
            if now.password != kept or not now.active:  # changed since it was looked at
                raise NotAllowed("The name or the password is wrong.")
            return self.sessions.begin(account.account_id)

    def sign_in_by_provider(self, answer: Mapping[str, str], note: Mapping[str, str] | None, back: str) -> str:
        """Begin a session for whom the OIDC provider names; newcomers get an account, where the settings allow it.

        Raises NotAllowed, ProviderDown.
        """
        if self.provider is None:
            raise NotAllowed("No provider is set up here; sign in with name and password.")
        issuer, subject, name = self.provider.finish(answer, note, back)
        with self._ledger.lock:
            account = self.people.of_subject(issuer, subject)
            if account is None:
                if not self._newcomers:
                    raise NotAllowed(f"{name} has no account here, and newcomers get none by themselves.")
                account = self.people.add(self.people.free_name(name), "user", "oidc", subject=(issuer, subject))
        if not account.active:
            raise NotAllowed(f"The account {account.name!r} is disabled.")
        return self.sessions.begin(account.account_id)

    def count_sign_up(self, address: str) -> None:
        """Count somebody who makes an account by themselves. Raises TooMany."""
        self._attempts.begin(f"sign-up {secrets.token_hex(8)}", address)

    def change_password(self, account_id: str, old: str, new: str, address: str) -> str:
        """Set another password and end every session but the new one, which is returned.

        Raises NotAllowed where `old` is wrong, TooMany, BadRequest.
        """
        account = self.people.get(account_id)
        self._attempts.begin(account_id, address)
        if account.password is not None and not passwords.fits(old, account.password):
            raise NotAllowed("The old password is wrong.")
        self._attempts.succeed(account_id, address)
        self.people.set_password(account_id, new, f"account:{account_id}")
        return self.sessions.begin(account_id)

    def guest_cookie(self, person: str) -> str:
        """What the cookie of a guest holds."""
        return str(self._signer.dumps(["person", person]))

    def session_cookie(self, connection: HTTPConnection) -> str | None:
        """What the cookie of a session holds, whether it is good or not."""
        return cookie_of(connection.cookies, SESSION_COOKIE, self.reach.is_secure(connection))

    def form_token(self, connection: HTTPConnection, fresh: str = "") -> str:
        """What a form must carry, which nobody else can make: it is tied to the session, before that to a cookie."""
        held = self.session_cookie(connection)
        if held is None or self.sessions.find(held) is None:
            held = fresh or cookie_of(connection.cookies, FORM_COOKIE, self.reach.is_secure(connection)) or ""
        return hmac.new(self.keys["signature"].encode(), b"form:" + held.encode(), hashlib.sha256).hexdigest()

    def signed(self, note: Mapping[str, str]) -> str:
        """A note for a short-lived cookie."""
        return str(self._short.dumps(dict(note)))

    def unsigned(self, text: str | None, seconds: int) -> dict[str, str] | None:
        """The note, unless it is older than that, or not ours."""
        try:
            return cast("dict[str, str]", self._short.loads(text, max_age=seconds)) if text else None
        except BadSignature:
            return None

    def _named(self, connection: HTTPConnection) -> str | None:
        """Whom the header names; what is empty names nobody."""
        return connection.headers.get(self._user_header, "").strip() or None if self._user_header else None

    def _by_key(self, authorization: str, user: str | None) -> Caller:
        kind, _, text = authorization.partition(" ")
        if kind.lower() != "bearer":
            raise UnknownKey("Send the API key as `Authorization: Bearer KEY`.")
        text = text.strip()
        if secrets.compare_digest(text.encode("utf-8", "replace"), self.keys["operator"].encode()):
            person = COMMAND_LINE if user is None else self.names.person("", user)
            return Caller(person, "admin", name="command line", key_id="operator", scopes=frozenset(SCOPES))
        key, owner = self.api_keys.good(text)
        role = cast("Role", owner.role)
        scopes = frozenset(cast("Scope", scope) for scope in key.scopes) & frozenset(scopes_of(role))
        speaks = user is not None and "act-for-users" in scopes
        return Caller(
            person=self.names.person(owner.account_id, str(user)) if speaks else f"key:{key.key_id}",
            role=role,
            name=key.name,
            account_id=owner.account_id,
            key_id=key.key_id,
            scopes=scopes,
            budget=Budget(key.requests_per_minute or 0, key.tokens_per_day or 0),
        )

    def _by_session(self, connection: HTTPConnection) -> Caller | None:
        held = self.session_cookie(connection)
        session = self.sessions.find(held) if held is not None else None
        if session is None:
            return None
        account = self.people.get(session.account_id)
        if not account.active:
            return None
        role, account_id = cast("Role", account.role), account.account_id
        return Caller(f"account:{account_id}", role, name=account.name, account_id=account_id)

    def _guest(self, connection: HTTPConnection) -> Caller:
        role: Role = "guest" if self.reach.is_local(connection) else "nobody"
        if (person := self._known_guest(connection.cookies.get(PERSON_COOKIE))) is not None:
            return Caller(person, role)
        person = f"guest:{secrets.token_hex(12)}"
        fresh = self.guest_cookie(person) if ranks(role, "guest") else None
        return Caller(person, role, fresh)

    def _known_guest(self, cookie: str | None) -> str | None:
        try:
            match self._signer.loads(cookie) if cookie is not None else None:
                case ["person", str() as person]:
                    return person
        except BadSignature:
            pass
        return None
