"""Votes, stars, rewrites, comparisons, surveys, critiques, consent and appeals."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, StrictStr

from chatbot.api.callers import CallerFor
from chatbot.api.common import ServicesOf, caller_of
from chatbot.api.problems import problems
from chatbot.feedback import Receipt
from chatbot.saying import LONGEST, LONGEST_ANSWER, LONGEST_REMARK, MOST_QUESTIONS, MOST_SPANS, REASONS, Span

REPLAYED = "Idempotent-Replayed"
router = APIRouter(prefix="/v1", tags=["Feedback"])
ResponseId = Annotated[str, Path(description="The id of an answer that you got.")]


class Body(BaseModel):
    """An operator's key may speak for `user`, as in a chat completion."""

    model_config = ConfigDict(extra="forbid")

    user: str | None = Field(default=None, description="Whom an operator's key speaks for.")


class CritiqueSpan(BaseModel):
    """A remark about a part of an answer."""

    model_config = ConfigDict(extra="forbid")

    start: int = Field(strict=True, description="Where it begins: Unicode code points from the answer's first, from 0.")
    end: int = Field(strict=True, description="Behind its last character; at most the length of the answer.")
    label: str | None = Field(default=None, description=f"One of: {', '.join(REASONS)}.")
    comment: str | None = Field(default=None, description=f"Up to {LONGEST_REMARK} characters.")


_EXAMPLE: dict[str, Any] = {
    "response_id": "chatcmpl-4f1c0a9be2d37c5581a6d2e4",
    "stars": 2,
    "reasons": ["wrong"],
    "comment": "Delivery to Norway takes longer.",
    "survey": {"solved": False, "effort": 4},
    "critique": [{"start": 15, "end": 33, "label": "wrong", "comment": "It is seven to ten days."}],
    "consent_to_train": True,
}


class FeedbackBody(Body):
    """What somebody says about an answer of theirs; at least one thing besides the consent."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": _EXAMPLE})

    response_id: str = Field(description="The `id` of the chat completion.")
    vote: int | None = Field(default=None, description="1, -1, or 0 to take one back. The latest of a person holds.")
    stars: int | None = Field(
        default=None,
        description="1 to 5. A rating is the live vote as well: 4 and 5 are up, 1 and 2 down, 3 is neither and takes "
        "an earlier vote back.",
    )
    reasons: list[str] = Field(default=[], description=f"Any of: {', '.join(REASONS)}.")
    comment: str | None = Field(default=None, description=f"Up to {LONGEST} characters, screened like a question.")
    rewrite: str | None = Field(
        default=None,
        description=f"The answer as you would have it, up to {LONGEST} characters, screened like an answer.",
    )
    preferred_over: str | None = Field(
        default=None, description="The id of another answer to the same message that this one is better than."
    )
    survey: dict[str, StrictBool | StrictInt | StrictStr] = Field(
        default={},
        description=f"Up to {MOST_QUESTIONS} answers by the name of their question: a whole number, true or false, or "
        f"a text of up to {LONGEST_ANSWER} characters.",
    )
    critique: list[CritiqueSpan] = Field(
        default=[], description=f"Up to {MOST_SPANS} remarks about parts of the answer."
    )
    consent_to_train: bool | None = Field(
        default=None, description="Whether this person's feedback may be learned from, until they say otherwise."
    )


class FeedbackReceipt(BaseModel):
    """What was kept."""

    receipt: str = Field(description="Its number: /v1/receipts tells what became of it.", examples=["F-7K3MWQ2D"])
    judged: str | None = Field(description="Which model the vote judges, where it is part of an experiment.")
    consent_to_train: bool | None = Field(description="Whether the person agreed to learning; null if never asked.")


class FeedbackStanding(BaseModel):
    """What stands of all that you said about an answer: the latest of each."""

    response_id: str
    vote: int | None = Field(description="Your live vote: 1 or -1; null when there is none or it was taken back.")
    stars: int | None = Field(description="The rating behind it, where it was given as stars.")
    reasons: list[str]
    comment: str | None
    rewrite: str | None
    preferred_over: str | None
    survey: dict[str, Any] | None
    critique: list[CritiqueSpan]
    at: datetime | None = Field(description="When you said something last.")
    receipts: list[str] = Field(description="The receipts of all that you said, oldest first.")


class ConsentBody(Body):
    """Whether feedback may be learned from."""

    given: bool = Field(description="true to agree, false to refuse; it holds until the next answer.")
    conversation_id: str | None = Field(
        None,
        description="The conversation that it is for; without one, all that have no answer of their own. A no to "
        "all is a no to each.",
    )


class ConsentGiven(BaseModel):
    """The consent as it holds now."""

    given: bool


class AppealBody(Body):
    """A filter was wrong, somebody says."""

    response_id: str = Field(description="The `id` of the answer that a filter stopped.")
    comment: str = Field(default="", description=f"Why, in up to {LONGEST} characters.")


class AppealReceipt(BaseModel):
    """The appeal was kept."""

    receipt: str = Field(description="Its number: /v1/receipts tells what was decided.", examples=["A-7K3MWQ2D"])


@router.post("/feedback", status_code=201, summary="Say what an answer was worth", responses=problems(400, 404, 409))
def give_feedback(
    body: FeedbackBody,
    request: Request,
    response: Response,
    services: ServicesOf,
    idempotency_key: Annotated[
        str | None,
        Header(
            description="Up to 255 visible ASCII characters. The same key with the same body keeps nothing again: it "
            f"brings the first receipt back, with the header `{REPLAYED}: true`. With another body it is a 409."
        ),
    ] = None,
) -> FeedbackReceipt:
    """Keep feedback; the answer comes when it is durable. One vote of a person lives for each answer: the latest."""
    caller = caller_of(request, response, body.user)
    receipt = services.feedbacks.give(
        caller.person,
        body.response_id,
        idempotency_key=idempotency_key,
        vote=body.vote,
        stars=body.stars,
        reasons=body.reasons,
        comment=body.comment,
        rewrite=body.rewrite,
        preferred_over=body.preferred_over,
        survey=body.survey,
        critique=[Span(**span.model_dump()) for span in body.critique],
        consent_to_train=body.consent_to_train,
    )
    if receipt.replayed:
        response.headers[REPLAYED] = "true"
    return _receipt(receipt)


@router.get("/feedback/{response_id}", summary="See what you said about an answer", responses=problems(404))
def standing(response_id: ResponseId, services: ServicesOf, caller: CallerFor) -> FeedbackStanding:
    """Your live vote or stars, and the latest of everything else."""
    stands = services.feedbacks.standing(caller.person, response_id)
    return FeedbackStanding.model_validate({"response_id": response_id, **vars(stands)})


@router.delete(
    "/feedback/{response_id}",
    summary="Take your vote back",
    response_model=FeedbackReceipt,
    responses={204: {"description": "There was no live vote."}, **problems(404)},
)
def withdraw(response_id: ResponseId, response: Response, services: ServicesOf, caller: CallerFor) -> Any:  # noqa: ANN401
    """Withdraw the live vote, be it a thumb or stars; what was written stays. The receipt is that of the withdrawal."""
    receipt = services.feedbacks.withdraw(caller.person, response_id)
    if receipt is None:
        response.status_code = 204
        return Response(status_code=204, headers=dict(response.headers))
    return _receipt(receipt)


@router.post("/consent", status_code=201, summary="Agree to learning, or refuse", responses=problems(400, 404))
def set_consent(body: ConsentBody, request: Request, response: Response, services: ServicesOf) -> ConsentGiven:
    """Keep the person's answer."""
    caller = caller_of(request, response, body.user)
    services.feedbacks.set_consent(caller.person, body.given, body.conversation_id)
    return ConsentGiven(given=body.given)


@router.post("/appeals", status_code=201, summary="Appeal a filter's decision", responses=problems(400, 404))
def appeal(body: AppealBody, request: Request, response: Response, services: ServicesOf) -> AppealReceipt:
    """Ask for a reviewer's look."""
    caller = caller_of(request, response, body.user)
    return AppealReceipt(receipt=services.feedbacks.appeal(caller.person, body.response_id, body.comment))


def _receipt(receipt: Receipt) -> FeedbackReceipt:
    return FeedbackReceipt(receipt=receipt.receipt, judged=receipt.judged, consent_to_train=receipt.consent)
