"""The review queue."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from chatbot.api.common import CallerOf, ServicesOf
from chatbot.judgements import Judged, Missed, Place, VerdictJudged, as_values
from chatbot.reviews import Kind, Order

router = APIRouter(prefix="/v1/reviews", tags=["Review"])


class VerdictBody(BaseModel):
    """A finding, as `findings` of the turn lists it, and whether the filter was right."""

    model_config = ConfigDict(extra="forbid")

    place: str = Field(description="Where it was found: `message`, `answer`, or `comment` and the like.")
    filter: str
    judged: Judged = Field(description="`other`: there was something, but of another category.")
    category: str | None = Field(None, description="Which of several findings of this filter in this place is meant.")
    true_category: str | None = Field(None, description="For `other`: the category that it is.")


class MissedBody(BaseModel):
    """Something that no filter found."""

    model_config = ConfigDict(extra="forbid")

    place: Place
    category: str = Field(description="OpenAI's name, or one of the policy.")


class DecisionBody(BaseModel):
    """A reviewer's decision; a correction is the better answer."""

    model_config = ConfigDict(extra="forbid")

    filter_right: bool | None = None
    answer_right: bool | None = None
    correction: str | None = None
    note: str | None = None
    verdicts: list[VerdictBody] = Field(
        [], description="A word on each finding; without it only the decisive is judged."
    )
    missed: list[MissedBody] = Field([], description="What no filter found, and one should have.")


@router.get("")
def queue(
    services: ServicesOf,
    kind: Kind | None = None,
    filter: Annotated[str | None, Query(description="Only what this filter found.")] = None,
    sort: Annotated[
        Order,
        Query(description="`score`: highest first; `doubt`: nearest to its threshold; `value`: what teaches most."),
    ] = "oldest",
) -> dict[str, object]:
    """What waits for a reviewer."""
    items = services.reviews.queue(kind, filter, sort)
    found = [
        {
            "findings": [one._asdict() for one in item.findings],
            "score": item.score,
            "priority": item.priority
            and {"score": item.priority.score, "reason": item.priority.reason, **item.priority.known()},
        }
        for item in items
    ]
    return {"items": [{**asdict(item), **more} for item, more in zip(items, found, strict=True)]}


@router.get("/{turn_id}")
def conversation(turn_id: str, services: ServicesOf) -> dict[str, list[dict[str, Any]]]:
    """The conversation around a turn, and what filters found in that turn: the decisive finding first."""
    turns, found = services.reviews.conversation(turn_id), services.reviews.findings(turn_id)
    return {"turns": turns, "findings": as_values(found)}


@router.post("/{turn_id}/claim")
def claim(turn_id: str, services: ServicesOf, caller: CallerOf) -> dict[str, float]:
    """Take a turn for a while."""
    return {"until": services.reviews.claim(turn_id, caller.person)}


@router.post("/{turn_id}/release")
def release(turn_id: str, services: ServicesOf, caller: CallerOf) -> dict[str, bool]:
    """Give a turn back."""
    services.reviews.release(turn_id, caller.person)
    return {"released": True}


@router.post("/{turn_id}/decision")
def decide(turn_id: str, body: DecisionBody, services: ServicesOf, caller: CallerOf) -> dict[str, bool]:
    """Decide on a turn."""
    said = body.model_dump(exclude={"verdicts", "missed"})
    verdicts = [VerdictJudged(**verdict.model_dump()) for verdict in body.verdicts]
    missed = [Missed(**miss.model_dump()) for miss in body.missed]
    services.reviews.decide(turn_id, caller.person, **said, verdicts=verdicts, missed=missed)
    return {"decided": True}
