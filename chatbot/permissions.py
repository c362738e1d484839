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


class Permit(NamedTuple):
    """The lowest role that may, and the scope that an API key needs besides; None where any key will do."""

    role: Role
    scope: Scope | None


ANYBODY = Permit("nobody", None)
CHAT, FEEDBACK = Permit("guest", "chat"), Permit("guest", "feedback")
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
        "POST /v1/consent": FEEDBACK,
        "POST /v1/appeals": FEEDBACK,
        "GET /v1/reviews": REVIEW,
        "GET /v1/reviews/{turn_id}": REVIEW,
        "POST /v1/reviews/{turn_id}/claim": REVIEW,
        "POST /v1/reviews/{turn_id}/release": REVIEW,
        "POST /v1/reviews/{turn_id}/decision": REVIEW,
        "GET /v1/status": OPERATE,
        "GET /v1/satisfaction": OPERATE,
        "GET /v1/runs": OPERATE,
        "POST /v1/runs": OPERATE,
        "GET /v1/runs/{run_id}": OPERATE,
        "POST /v1/promote": OPERATE,
        "POST /v1/rollback": OPERATE,
        "POST /v1/experiments": OPERATE,
        "POST /v1/experiments/stop": OPERATE,
        "GET /v1/export": OPERATE,
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
PAGES: Mapping[str, Permit] = MappingProxyType({"/review": REVIEW, "/operate": OPERATE, "/": CHAT, "/shared": ANYBODY})


def ranks(role: Role, least: Role) -> bool:
    """Whether `role` is `least` or stands above it."""
    return ROLES.index(role) >= ROLES.index(least)
