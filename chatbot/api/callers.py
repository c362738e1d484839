"""Who is calling, where a request has no body to name somebody in."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Query, Request, Response

from chatbot.accounts import Caller
from chatbot.api.common import caller_of


def _caller_for(
    request: Request,
    response: Response,
    user: Annotated[
        str | None, Query(description="Whom an operator's key speaks for, as in a chat completion.")
    ] = None,
) -> Caller:
    return caller_of(request, response, user)


CallerFor = Annotated[Caller, Depends(_caller_for)]
