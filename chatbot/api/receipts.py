"""Where feedback went."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field

from chatbot.api.callers import CallerFor
from chatbot.api.common import ServicesOf
from chatbot.api.problems import problems
from chatbot.permissions import OPERATE

router = APIRouter(prefix="/v1", tags=["Feedback"])


class Part(BaseModel):
    """Made from what the server knows by the names of its fields."""

    model_config = ConfigDict(from_attributes=True)


class KeptPart(Part):
    """A part of what was said."""

    what: str = Field(
        description="Such as vote, stars, neutral stars, withdrawal, comment, rewrite, comparison or appeal."
    )
    state: Literal["stands", "replaced", "withdrawn"] = Field(description="Whether it holds, or something later does.")


class JudgedArm(Part):
    """The experiment that a vote of the decide group is part of."""

    experiment_id: str
    adapter: str = Field(description="The model that the vote judges.")
    arm: str = Field(description="champion or challenger.")
    state: str | None = Field(description="running, won, lost, futile or stopped.")


class ReviewDecision(Part):
    """What a reviewer decided about an appeal."""

    at: datetime
    filter_right: bool | None
    answer_right: bool | None
    corrected: bool = Field(description="Whether they wrote a better answer, which is learned from.")


class AdapterNow(Part):
    """The adapter that a run made, as it stands now."""

    name: str
    state: Literal["waiting", "challenger", "live", "retired", "rejected", "rolled back", "not served"]
    since: datetime
    reason: str


class GatePassed(Part):
    """A gate's verdict."""

    name: str
    passed: bool


class UseByRun(Part):
    """A run whose frozen pairs hold this feedback."""

    run_id: str
    at: datetime = Field(description="When the run ended.")
    outcome: str = Field(description="passed, rejected, reward model, not enough data, failed or abandoned.")
    used_for: Literal["learning", "judging"] = Field(description="Whether the pair taught the adapter or judged it.")
    pair: str = Field(description="How the pair came about: rewrite, correction, sibling or comparison.")
    adapter: AdapterNow | None = Field(description="The adapter that the run made, if it made one.")
    gates: list[GatePassed]


class ReceiptWay(Part):
    """What was kept, and where it went."""

    receipt: str
    kind: Literal["feedback", "appeal"]
    response_id: str
    at: datetime = Field(description="When it was kept.")
    kept: list[KeptPart]
    consent: bool | None = Field(description="Whether its person agrees to learning now; null if never asked.")
    group: Literal["learn", "decide", "holdout"] = Field(
        description="learn may teach a model; decide judges models and experiments; holdout judges models only."
    )
    deleted: bool = Field(description="Whether the conversation was deleted since.")
    judges: JudgedArm | None
    decided: ReviewDecision | None = Field(description="For an appeal: the decision, once there is one.")
    runs: list[UseByRun] = Field(description="The runs that used it, oldest first.")
    told: str = Field(
        description="All of it in plain words.",
        examples=[
            "Your rewrite is in the data of run 20260503-101500, which made starter@3; that waits for its experiment."
        ],
    )


@router.get("/receipts/{receipt}", summary="See where feedback went", responses=problems(404))
def receipt(
    receipt: Annotated[str, Path(description="The number that came with the feedback or the appeal.")],
    services: ServicesOf,
    caller: CallerFor,
) -> ReceiptWay:
    """The way of what you said, as far as it is known now. Operators may see everybody's."""
    way = services.receipts.way(receipt, None if caller.may(OPERATE) else caller.person)
    return ReceiptWay.model_validate(way)
