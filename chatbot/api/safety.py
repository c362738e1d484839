"""The filters' own errors: their figures, the replay of the log, and proposals to change a threshold."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from chatbot.api.common import Asking, ServicesOf
from chatbot.api.problems import problems
from safety.change import Change

router = APIRouter(prefix="/v1/safety", tags=["Review"])
Days = Annotated[float, Query(gt=0, le=3660, description="How far back the log is read.")]
Threshold = Annotated[float, Query(ge=0, le=1)]


class ProposalBody(BaseModel):
    """From `threshold` on, texts of `role` in which the filter finds `label` shall lead to `action`."""

    model_config = ConfigDict(extra="forbid")

    filter: str
    label: str
    role: Literal["input", "output"]
    action: Literal["block", "transform", "review"]
    threshold: float = Field(ge=0, le=1)
    days: float = Field(30, gt=0, le=3660, description="How much of the log its evidence comes from.")
    reason: str = Field("", max_length=1000)


@router.get("", summary="See how often the filters are right")
def overview(services: ServicesOf, days: Days = 30) -> dict[str, Any]:
    """Filters, findings with precision and recall and their intervals of 95 %, shadows, and what was reviewed."""
    return services.filter_errors.overview(days)


@router.get("/what-if", summary="Replay the log under another threshold", responses=problems(400))
def what_if(
    services: ServicesOf,
    filter: str,
    label: str,
    role: Literal["input", "output"],
    action: Literal["block", "transform", "review"],
    threshold: Threshold,
    days: Days = 30,
) -> dict[str, Any]:
    """What would have been blocked, reviewed or changed; `curve` is by threshold."""
    replayed = services.what_ifs.what_if(Change(filter, label, role, action, threshold), days)
    rates = ("precision", "recall", "precision_before", "recall_before")
    return {
        **asdict(replayed),
        **{name: rate and rate._asdict() for name in rates if (rate := getattr(replayed, name))},
    }


@router.get("/proposals", summary="List the proposed changes")
def proposals(services: ServicesOf) -> dict[str, Any]:
    """The open ones first, each with its diff."""
    return {"proposals": [asdict(one) for one in services.proposals.all()]}


@router.post("/proposals", status_code=201, summary="Propose another threshold", responses=problems(400))
def propose(body: ProposalBody, services: ServicesOf, caller: Asking) -> dict[str, Any]:
    """Keep the proposal with what the replay of the log says; nothing changes before an operator approves it."""
    change = Change(body.filter, body.label, body.role, body.action, body.threshold)
    return asdict(services.proposals.propose(caller, change, body.days, body.reason))


@router.post("/proposals/{proposal_id}/approve", summary="Approve a change", responses=problems(403, 404, 409))
def approve(proposal_id: str, services: ServicesOf, caller: Asking) -> dict[str, Any]:
    """Write the change to policy.toml in the home; it holds at once."""
    return asdict(services.proposals.approve(proposal_id, caller))


@router.post("/proposals/{proposal_id}/reject", summary="Reject a change", responses=problems(404, 409))
def reject(proposal_id: str, services: ServicesOf, caller: Asking) -> dict[str, Any]:
    """Close the proposal; nothing changes."""
    return asdict(services.proposals.reject(proposal_id, caller))
