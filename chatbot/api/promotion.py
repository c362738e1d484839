"""From a winner to everybody: approvals, revocation and drills."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from chatbot.api.common import CallerOf, ServicesOf
from chatbot.api.problems import problems
from chatbot.drilled import Measured
from chatbot.proposals import who

Reason = Annotated[str, Field(max_length=1000)]
router = APIRouter(prefix="/v1", tags=["Operate"])


class ApproveBody(BaseModel):
    """Why, if somebody wants to say."""

    model_config = ConfigDict(extra="forbid")

    reason: Reason = ""


class RevokeBody(BaseModel):
    """Why it is taken away; it is told to everybody who asks for it later."""

    model_config = ConfigDict(extra="forbid")

    reason: Annotated[str, Field(min_length=1, max_length=1000)]


@router.post("/adapters/{adapter}/approve", summary="Approve of an adapter", responses=problems(404, 409))
def approve(adapter: str, services: ServicesOf, caller: CallerOf, body: ApproveBody | None = None) -> dict[str, Any]:
    """Agree that it takes the champion's place once it has won; where that was all it waited for, it sets out."""
    services.learner.approve(adapter, who(caller), caller.name, body.reason if body else "")
    return {"adapter": adapter, "approvals": services.learner.policy.approvals(adapter)}


@router.post("/adapters/{adapter}/withdraw", summary="Take an approval back", responses=problems(404, 409))
def withdraw(adapter: str, services: ServicesOf, caller: CallerOf, body: ApproveBody | None = None) -> dict[str, Any]:
    """Take your approval back, as long as the adapter has not set out."""
    services.learner.policy.withdraw(adapter, who(caller), caller.name, body.reason if body else "")
    return {"adapter": adapter, "approvals": services.learner.policy.approvals(adapter)}


@router.post("/adapters/{adapter}/revoke", summary="Revoke an adapter", responses=problems(400, 404, 409))
def revoke(adapter: str, body: RevokeBody, services: ServicesOf, caller: CallerOf) -> dict[str, str]:
    """Take an adapter away for good, live or not: it can never be served again."""
    return {"champion": services.learner.revoke(adapter, who(caller), body.reason)}


@router.get("/drills", summary="The drills")
def drills(services: ServicesOf) -> dict[str, Any]:
    """The newest first, with what was measured."""
    return {"drills": services.learner.drills.all()}


@router.post("/drills", status_code=201, summary="Begin a drill", responses=problems(409))
def begin(services: ServicesOf, caller: CallerOf) -> dict[str, str]:
    """Make a byte copy of the champion. `./ratchet drill rollback` does all of a drill; these are its steps."""
    drill = services.learner.begin_drill(who(caller))
    return {"drill_id": drill.drill_id, "adapter": drill.adapter, "champion": drill.champion}


@router.post("/drills/{drill_id}/promote", summary="Promote the copy", responses=problems(404, 409))
def promote(drill_id: str, services: ServicesOf, caller: CallerOf) -> dict[str, Any]:
    """Serve the copy to everybody; its words are the champion's."""
    seconds = services.learner.drills.promote(drill_id, who(caller))
    return {"champion": services.learner.registry.state().champion.adapter, "seconds": seconds}


@router.post("/drills/{drill_id}/end", summary="End a drill", responses=problems(400, 404, 409))
def end(drill_id: str, body: Measured, services: ServicesOf, caller: CallerOf) -> dict[str, Any]:
    """Keep what was measured; the champion of before is served again, whatever happened."""
    verdict = body.verdict()
    drill = services.learner.end_drill(drill_id, who(caller), body.model_dump(), verdict.passed, verdict.reason)
    return asdict(drill)
