"""The review queue."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from chatbot.api.common import CallerOf, ServicesOf

router = APIRouter(prefix="/v1/reviews", tags=["Review"])


class DecisionBody(BaseModel):
    """A reviewer's decision; a correction is the better answer."""

    model_config = ConfigDict(extra="forbid")

    filter_right: bool | None = None
    answer_right: bool | None = None
    correction: str | None = None
    note: str | None = None


@router.get("")
def queue(services: ServicesOf) -> dict[str, object]:
    """What waits for a reviewer."""
    return {"items": [asdict(item) for item in services.reviews.queue()]}


@router.get("/{turn_id}")
def conversation(turn_id: str, services: ServicesOf) -> dict[str, list[dict[str, Any]]]:
    """The conversation around a turn."""
    return {"turns": services.reviews.conversation(turn_id)}


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
    services.reviews.decide(turn_id, caller.person, **body.model_dump())
    return {"decided": True}
