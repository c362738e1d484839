"""Comparisons of both arms of an experiment, and what another routing would have come to."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from chatbot.api.common import ServicesOf, caller_of
from chatbot.api.feedback import Body
from chatbot.api.problems import problems
from chatbot.both_arms import Choice

router = APIRouter(prefix="/v1")
CHOICES: dict[str, Choice] = {"first": "left", "second": "right", "tie": "tie", "both_bad": "both_bad"}


class ComparisonBody(Body):
    """What somebody found of two answers that were asked for with `compare`."""

    response_ids: list[str] = Field(
        description="Both answers, as in `ratchet.response_ids`.", min_length=2, max_length=2
    )
    choice: Literal["first", "second", "tie", "both_bad"] = Field(description="Which of the two was better.")


class ComparisonReceipt(BaseModel):
    """It was kept; a preference has a receipt of feedback."""

    receipt: str | None


@router.post(
    "/comparisons", status_code=201, tags=["Feedback"], summary="Say which of two answers was better",
    responses=problems(400, 404),
)  # fmt: skip
def compare(body: ComparisonBody, request: Request, response: Response, services: ServicesOf) -> ComparisonReceipt:
    """Keep the verdict of a comparison of both arms. It counts in the experiment; the latest of a pair holds."""
    caller = caller_of(request, response, body.user)
    left, right = body.response_ids
    receipt = services.both_arms.choose(caller.person, left, right, CHOICES[body.choice])
    return ComparisonReceipt(receipt=None if receipt is None else receipt.receipt)


@router.get("/experiments/preview", tags=["Operate"], responses=problems(409))
def preview(
    services: ServicesOf,
    share: Annotated[
        float | None, Query(ge=0, le=1, description="Part of the people that meets the challenger.")
    ] = None,
    adapter: Annotated[str | None, Query(description="An arm of the experiment, for everybody.")] = None,
) -> dict[str, Any]:
    """What thumbs up would have come to under another routing: IPS and doubly robust, with intervals of 95%."""
    return services.operator.preview(adapter, share)
