"""Who is calling, and what they may do."""

from __future__ import annotations

from dataclasses import dataclass

from chatbot.errors import NotAllowed, NotSignedIn
from chatbot.limits import NO_LIMIT, Budget
from chatbot.permissions import Permit, Role, Scope, ranks


@dataclass(frozen=True)
class Caller:
    """Who is calling: a guest, an account or a key. `fresh_cookie` must be set on the response when a guest is new.

    `scopes` and `budget` are those of the key, None and no limit for whoever sent none; `account_id` is whose key or
    whose session it is.
    """

    person: str
    role: Role
    fresh_cookie: str | None = None
    name: str = "Guest"
    account_id: str | None = None
    key_id: str | None = None
    scopes: frozenset[Scope] | None = None
    budget: Budget = NO_LIMIT

    def may(self, permit: Permit) -> bool:
        """Whether the permit allows the caller's role and, where a key was sent, its scopes."""
        return ranks(self.role, permit.role) and self._has(permit.scope)

    def must(self, permit: Permit) -> None:
        """Raise NotAllowed unless the permit allows it, and NotSignedIn for who is not known at all."""
        if self.may(permit):
            return
        if self.role == "nobody":
            raise NotSignedIn("Sign in at /sign-in, or send an API key. Guests may chat on the machine itself only.")
        if not ranks(self.role, permit.role):
            told = "sign in" if self.role == "guest" else f"you have the role {self.role}"
            raise NotAllowed(f"This needs the role {permit.role}: {told}.")
        raise NotAllowed(f"This needs the scope {permit.scope}, and the API key {self.name!r} does not have it.")

    def _has(self, scope: Scope | None) -> bool:
        return self.scopes is None or scope is None or scope in self.scopes
