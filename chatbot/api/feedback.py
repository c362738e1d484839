"""Votes, rewrites, comparisons, consent and appeals."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from chatbot.api.common import CallerOf, ServicesOf

router = APIRouter(prefix="/v1")


class FeedbackBody(BaseModel):
    """What somebody says about an answer of theirs."""

    model_config = ConfigDict(extra="forbid")

    response_id: str
    vote: int | None = None
    reasons: list[str] = []
    comment: str | None = None
    rewrite: str | None = None
    preferred_over: str | None = None
    consent_to_train: bool | None = None


class ConsentBody(BaseModel):
    """Whether feedback may be learned from."""

    given: bool


class AppealBody(BaseModel):
    """A filter was wrong, somebody says."""

    response_id: str
    comment: str = ""


@router.post("/feedback", status_code=201)
def give_feedback(body: FeedbackBody, services: ServicesOf, caller: CallerOf) -> dict[str, object]:
    """Keep feedback; the answer comes when it is durable, with the number of the receipt."""
    given = body.model_dump(exclude={"response_id"})
    receipt = services.feedbacks.give(caller.person, body.response_id, **given)
    return {"receipt": receipt.receipt, "judged": receipt.judged, "consent_to_train": receipt.consent}


@router.post("/consent", status_code=201)
def set_consent(body: ConsentBody, services: ServicesOf, caller: CallerOf) -> dict[str, bool]:
    """Keep the person's answer."""
    services.feedbacks.set_consent(caller.person, body.given)
    return {"given": body.given}


@router.post("/appeals", status_code=201)
def appeal(body: AppealBody, services: ServicesOf, caller: CallerOf) -> dict[str, str]:
    """Ask for a reviewer's look."""
    return {"receipt": services.feedbacks.appeal(caller.person, body.response_id, body.comment)}
