"""Who may do what: every route of the API and every page in one table, which the server enforces and the docs show.

A route that is not in the table is refused to everybody, and a test fails.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple, get_args

Role = Literal["nobody", "guest", "user", "reviewer", "operator", "admin"]
"""From who is not known at all, over a guest on this machine and a local account, to who manages the accounts."""

Scope = Literal["chat", "feedback", "review", "operate", "admin", "act-for-users"]
"""What an API key is for. `act-for-users` lets OpenAI's field `user` name the person."""

ROLES: tuple[Role, ...] = get_args(Role)
SCOPES: tuple[Scope, ...] = get_args(Scope)
ACCOUNT_ROLES = ROLES[ROLES.index("user") :]

# The lowest role whose keys can have the scope. Who acts for users is many people, and those move an experiment.
_SCOPE_ROLES: Mapping[Scope, Role] = MappingProxyType(
    {
        "chat": "user",
        "feedback": "user",
        "review": "reviewer",
        "operate": "operator",
        "admin": "admin",
        "act-for-users": "operator",
    }
)


class Permit(NamedTuple):
    """The lowest role that may, and the scope that an API key needs besides; None where any key will do."""

    role: Role
    scope: Scope | None


ANYBODY = Permit("nobody", None)
CHAT, FEEDBACK = Permit("guest", "chat"), Permit("guest", "feedback")
# An account's own matters. A key needs the scope admin for them, or any key could make one that may do more.
MINE = Permit("user", "admin")
MYSELF = Permit("guest", "admin")  # in a browser; a key erases nobody
METRICS = Permit("guest", "operate")
REVIEW, OPERATE, ADMIN = Permit("reviewer", "review"), Permit("operator", "operate"), Permit("admin", "admin")

API: Mapping[str, Permit] = MappingProxyType(
    {
        "GET /healthz": ANYBODY,
        "GET /readyz": ANYBODY,
        "GET /metrics": METRICS,
        "GET /v1/models": CHAT,
        "GET /v1/models/{model:path}": CHAT,
        "POST /v1/chat/completions": CHAT,
        "POST /v1/moderations": CHAT,
        "POST /v1/feedback": FEEDBACK,
        "POST /v1/comparisons": FEEDBACK,
        "POST /v1/consent": FEEDBACK,
        "POST /v1/appeals": FEEDBACK,
        "GET /v1/reviews": REVIEW,
        "GET /v1/reviews/{turn_id}": REVIEW,
        "POST /v1/reviews/{turn_id}/claim": REVIEW,
        "POST /v1/reviews/{turn_id}/release": REVIEW,
        "POST /v1/reviews/{turn_id}/decision": REVIEW,
        "GET /v1/leaderboard": OPERATE,
        "GET /v1/adapters/{adapter}/errors": OPERATE,
        "GET /v1/side-by-sides": OPERATE,
        "POST /v1/side-by-sides": OPERATE,
        "GET /v1/side-by-sides/items": REVIEW,
        "POST /v1/side-by-sides/items/{item_id}/decision": REVIEW,
        "GET /v1/side-by-sides/{set_id}/items": OPERATE,
        "POST /v1/side-by-sides/{set_id}/judge": OPERATE,
        "GET /v1/quarantine": REVIEW,
        "POST /v1/quarantine/{group}/decision": REVIEW,
        "GET /v1/safety": REVIEW,
        "GET /v1/safety/what-if": REVIEW,
        "GET /v1/safety/proposals": REVIEW,
        "POST /v1/safety/proposals": REVIEW,
        "POST /v1/safety/proposals/{proposal_id}/approve": OPERATE,
        "POST /v1/safety/proposals/{proposal_id}/reject": OPERATE,
        "GET /v1/status": OPERATE,
        "GET /v1/satisfaction": OPERATE,
        "GET /v1/runs": OPERATE,
        "POST /v1/runs": OPERATE,
        "POST /v1/self-review": OPERATE,
        "GET /v1/runs/{run_id}": OPERATE,
        "GET /v1/adapters": OPERATE,
        "GET /v1/adapters/{adapter}": OPERATE,
        "POST /v1/adapters/{adapter}/approve": OPERATE,
        "POST /v1/adapters/{adapter}/withdraw": OPERATE,
        "POST /v1/adapters/{adapter}/revoke": OPERATE,
        "GET /v1/drills": OPERATE,
        "POST /v1/drills": OPERATE,
        "POST /v1/drills/{drill_id}/promote": OPERATE,
        "POST /v1/drills/{drill_id}/end": OPERATE,
        "GET /v1/adapters/{adapter}/card": OPERATE,
        "GET /v1/audit": OPERATE,
        "GET /v1/audit/verify": OPERATE,
        "GET /v1/audit/promotions/{adapter}": OPERATE,
        "GET /v1/drift": OPERATE,
        "POST /v1/drift/alarms/{alarm_id}/acknowledge": OPERATE,
        "POST /v1/promote": OPERATE,
        "POST /v1/rollback": OPERATE,
        "POST /v1/experiments": OPERATE,
        "POST /v1/experiments/stop": OPERATE,
        "GET /v1/experiments/preview": OPERATE,
        "GET /v1/export": OPERATE,
        "GET /v1/datasets": OPERATE,
        "POST /v1/datasets": OPERATE,
        "GET /v1/datasets/{dataset}": OPERATE,
        "POST /v1/datasets/{dataset}/rebuild": OPERATE,
        "GET /v1/datasets/{dataset}/diff/{other}": OPERATE,
        "GET /v1/imports": OPERATE,
        "POST /v1/imports": OPERATE,
        "DELETE /v1/imports/{import_id}": OPERATE,
        "GET /v1/evaluations": OPERATE,
        "GET /v1/evaluations/latest": OPERATE,
        "POST /v1/evaluations": OPERATE,
        "GET /v1/me": Permit("guest", None),
        "DELETE /v1/me": MYSELF,
        "GET /v1/erasures": ADMIN,
        "POST /v1/erasures": ADMIN,
        "GET /v1/accounts": ADMIN,
        "POST /v1/accounts": ADMIN,
        "PATCH /v1/accounts/{account_id}": ADMIN,
        "GET /v1/keys": MINE,
        "POST /v1/keys": MINE,
        "DELETE /v1/keys/{key_id}": MINE,
        "GET /v1/feedback/{response_id}": FEEDBACK,
        "DELETE /v1/feedback/{response_id}": FEEDBACK,
        "GET /v1/receipts/{receipt}": FEEDBACK,
        "POST /v1/implicit": FEEDBACK,
        "GET /v1/conversations": CHAT,
        "GET /v1/conversations/{conversation_id}": CHAT,
        "PATCH /v1/conversations/{conversation_id}": CHAT,
        "DELETE /v1/conversations/{conversation_id}": CHAT,
        "GET /v1/conversations/{conversation_id}/export": CHAT,
        "POST /v1/conversations/{conversation_id}/share": CHAT,
        "DELETE /v1/conversations/{conversation_id}/share/{share_id}": CHAT,
        "GET /v1/shared/{share_id}": ANYBODY,
    }
)
PAGES: Mapping[str, Permit] = MappingProxyType(
    {
        "/sign-in": ANYBODY,
        "/sign-out": ANYBODY,
        "/join": ANYBODY,
        "/account/people": ADMIN,
        "/account": MINE,
        "/erase-me": MYSELF,
        "/shared": ANYBODY,
        "/docs": ANYBODY,
        "/openapi.json": ANYBODY,
        "/review": REVIEW,
        "/safety": REVIEW,
        "/models": OPERATE,
        "/operate": OPERATE,
        "/": CHAT,  # last, for everything else lies under it
    }
)


def ranks(role: Role, least: Role) -> bool:
    """Whether `role` is `least` or stands above it."""
    return ROLES.index(role) >= ROLES.index(least)


def scopes_of(role: Role) -> tuple[Scope, ...]:
    """The scopes that a key of somebody with this role can have."""
    return tuple(scope for scope in SCOPES if ranks(role, _SCOPE_ROLES[scope]))
