"""The page of all accounts, for admins: roles, invitations, and who is let in no longer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from fastapi import APIRouter, Request
from starlette.responses import Response

from chatbot.accounts import Accounts, Roster
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
    try:
        made = _roster(request, accounts).add_account(name, cast("Role", role))
    except ChatbotError as error:
        return _shown(request, accounts, 400, wrong=str(error))
    return _shown(request, accounts, link=made["link"], link_for=made["name"])


@router.post("/{account_id}")
def change(account_id: str, request: Request, accounts: CheckedForm, step: Field = "", role: Field = "") -> Response:
    """Take one step with an account: another role, a new link, disable, enable."""
    roster = _roster(request, accounts)
    try:
        if step == "role":
            account = roster.change_account(account_id, role=cast("Role", role))
        elif step == "link":
            account = roster.change_account(account_id, new_link=True)
            return _shown(request, accounts, link=account["link"], link_for=account["name"])
        else:
            account = roster.change_account(account_id, active=step != "disable")
    except ChatbotError as error:
        return _shown(request, accounts, 400, wrong=str(error))
    now = account["role"] if account["active"] else "disabled"
    return _shown(request, accounts, done=f"{account['name']} is {now} now.")


def _roster(request: Request, accounts: Accounts) -> Roster:
    return Roster(accounts, accounts.reach.url(request), accounts.caller(request, by_key=False).person)


def _shown(request: Request, accounts: Accounts, status: int = 200, **parts: object) -> Response:
    parts = {
        "wrong": "",
        "done": "",
        "link": "",
        "people": accounts.people.all(),
        "roles": ACCOUNT_ROLES,
        "meanings": MEANINGS.items(),
        "provider": accounts.provider.name if accounts.provider else "",
        **parts,
    }
    return page(request, accounts, "people.jinja", status, None, **parts)
