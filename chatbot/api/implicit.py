"""Weak signals: what people did with an answer without rating it."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from pydantic import ConfigDict, Field

from chatbot.api.common import ServicesOf, caller_of
from chatbot.api.feedback import Body
from chatbot.api.problems import problems
from chatbot.implicit import LONGEST, Kind

router = APIRouter(prefix="/v1", tags=["Feedback"])


class ImplicitBody(Body):
    """What was seen of somebody with an answer of theirs."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"response_id": "chatcmpl-4f1c0a9be2d37c5581a6d2e4", "kind": "copy"}},
    )

    response_id: str = Field(description="The `id` of the chat completion.")
    kind: Kind = Field(description="Copied, asked for again, broken off, or complained about in what came next.")
    detail: str | None = Field(default=None, description=f"Up to {LONGEST} characters, screened like a question.")


@router.post("/implicit", status_code=204, summary="Report a weak signal", responses=problems(400, 404))
def report(body: ImplicitBody, request: Request, response: Response, services: ServicesOf) -> None:
    """Keep a weak signal. It is no vote: it judges no model, teaches none, and is only counted.

    The server notices by itself what is asked for again, broken off, or followed by a complaint; report what it cannot
    see, such as a copy.
    """
    caller = caller_of(request, response, body.user)
    services.implicits.report(caller.person, body.response_id, body.kind, body.detail)
