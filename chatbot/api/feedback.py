"""Votes, rewrites, comparisons, consent and appeals."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict

from chatbot.api.common import ServicesOf, caller_of

router = APIRouter(prefix="/v1")


class Body(BaseModel):
    """An operator's key may speak for `user`, as in a chat completion."""

    model_config = ConfigDict(extra="forbid")

    user: str | None = None


class FeedbackBody(Body):
    """What somebody says about an answer of theirs."""

    response_id: str
    vote: int | None = None
    reasons: list[str] = []
    comment: str | None = None
    rewrite: str | None = None
    preferred_over: str | None = None
    consent_to_train: bool | None = None


class ConsentBody(Body):
    """Whether feedback may be learned from."""

    given: bool


class AppealBody(Body):
    """A filter was wrong, somebody says."""

    response_id: str
    comment: str = ""


@router.post("/feedback", status_code=201)
def give_feedback(body: FeedbackBody, request: Request, response: Response, services: ServicesOf) -> dict[str, object]:
    """Keep feedback; the answer comes when it is durable, with the number of the receipt."""
    caller = caller_of(request, response, body.user)
    given = body.model_dump(exclude={"response_id", "user"})
    receipt = services.feedbacks.give(caller.person, body.response_id, **given)
    return {"receipt": receipt.receipt, "judged": receipt.judged, "consent_to_train": receipt.consent}


@router.post("/consent", status_code=201)
def set_consent(body: ConsentBody, request: Request, response: Response, services: ServicesOf) -> dict[str, bool]:
    """Keep the person's answer."""
    caller = caller_of(request, response, body.user)
    services.feedbacks.set_consent(caller.person, body.given)
    return {"given": body.given}


@router.post("/appeals", status_code=201)
def appeal(body: AppealBody, request: Request, response: Response, services: ServicesOf) -> dict[str, str]:
    """Ask for a reviewer's look."""
    caller = caller_of(request, response, body.user)
    return {"receipt": services.feedbacks.appeal(caller.person, body.response_id, body.comment)}
