"""The page of all accounts, for admins: roles, invitations, and who is let in no longer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from fastapi import APIRouter, Request
from starlette.responses import Response

from chatbot.accounts import Accounts
from chatbot.api.common import services_of
from chatbot.errors import ChatbotError
from chatbot.pages.forms import AccountsOf, CheckedForm, Field
from chatbot.pages.plain import page
from chatbot.permissions import ACCOUNT_ROLES, Role

MEANINGS: Mapping[Role, str] = {
    "user": "chats and rates",
    "reviewer": "also works through flagged answers and corrects them",
    "operator": "also starts laps, promotes models and rolls back",
    "admin": "also manages accounts",
}
router = APIRouter(prefix="/account/people", include_in_schema=False)


@router.get("")
def people_page(request: Request, accounts: AccountsOf) -> Response:
    """Show it."""
    return _shown(request, accounts)


@router.post("")
def invite(request: Request, accounts: CheckedForm, name: Field = "", role: Field = "user") -> Response:
    """Make an account, and a link for whom it is meant."""
    actor = accounts.caller(request, by_key=False).person
    try:
        account = accounts.people.add(name, cast("Role", role), actor)
        return _with_link(request, accounts, account.account_id, actor)
    except ChatbotError as error:
        return _shown(request, accounts, 400, wrong=str(error))


@router.post("/{account_id}")
def change(account_id: str, request: Request, accounts: CheckedForm, step: Field = "", role: Field = "") -> Response:
    """Take one step with an account: another role, a new link, disable, enable."""
    actor = accounts.caller(request, by_key=False).person
    try:
        if step == "link":
            return _with_link(request, accounts, account_id, actor)
        if step == "role":
            account = accounts.people.change(account_id, actor, role=cast("Role", role))
            return _shown(request, accounts, done=f"{account.name} is {account.role} now.")
        account = accounts.people.change(account_id, actor, active=step != "disable")
    except ChatbotError as error:
        return _shown(request, accounts, 400, wrong=str(error))
    return _shown(request, accounts, done=f"{account.name} is {'enabled' if account.active else 'disabled'}.")


def _with_link(request: Request, accounts: Accounts, account_id: str, actor: str) -> Response:
    link = accounts.join_url(request, accounts.links.for_account(account_id, actor))
    return _shown(request, accounts, link=link, link_for=accounts.people.get(account_id).name)


def _shown(request: Request, accounts: Accounts, status: int = 200, **parts: object) -> Response:
    parts = {
        "wrong": "",
        "done": "",
        "link": "",
        "people": accounts.people.all(),
        "roles": ACCOUNT_ROLES,
        "meanings": MEANINGS.items(),
        "provider": services_of(request).settings.text("oidc_name"),
        **parts,
    }
    return page(request, accounts, "people.jinja", status, **parts)
