"""What every form of the plain pages goes through."""

from __future__ import annotations

import secrets
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, FastAPI, Form, Request
from starlette.responses import Response

from chatbot.accounts import Accounts
from chatbot.api.common import services_of
from chatbot.errors import NotAllowed
from chatbot.pages.plain import closed


class ForgedForm(NotAllowed):
    """The form does not carry the token of the browser that it came from."""


def checked(request: Request, form: Annotated[str, Form()] = "") -> Accounts:
    """The accounts, once the form has shown that it is ours. Raises ForgedForm."""
    accounts = services_of(request).accounts
    if not secrets.compare_digest(form.encode("utf-8", "replace"), accounts.form_token(request).encode()):
        raise ForgedForm(
            "This form is too old, or it came from another site. Go back, load the page anew, and try again."
        )
    return accounts


def accounts_of(request: Request) -> Accounts:
    """The accounts, for who only looks."""
    return services_of(request).accounts


def refuse_forged(app: FastAPI) -> None:
    """Have the app show a closed door to a form that is not ours."""

    def refused(request: Request, error: Exception) -> Response:
        return closed(str(error))

    app.add_exception_handler(ForgedForm, refused)


def own_path(path: str, otherwise: str = "/") -> str:
    """The path, if it leads to a page of ours, else another."""
    plain = path.startswith("/") and path.isprintable() and "\\" not in path and not path.startswith("//")
    return path if plain and not urlsplit(path).netloc else otherwise


def address_of(request: Request) -> str:
    """Where the request came from, to count failures by."""
    return request.client.host if request.client else ""


AccountsOf = Annotated[Accounts, Depends(accounts_of)]
CheckedForm = Annotated[Accounts, Depends(checked)]
Field = Annotated[str, Form()]
