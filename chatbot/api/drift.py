"""Drift over the API: what traffic and answers were like over time, and the alarms."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field

from chatbot.api.common import CallerOf, ServicesOf
from chatbot.api.problems import problems

router = APIRouter(prefix="/v1/drift", tags=["Operate"])
AlarmId = Annotated[str, Path(description="The id of an alarm, from the report.")]


class AcknowledgeBody(BaseModel):
    """What was found out about an alarm."""

    model_config = ConfigDict(extra="forbid")

    note: str = Field(default="", max_length=2000, description="Why it is closed.")
    accept: bool = Field(default=False, description="Compare from the alarm's window on with what came since.")


@router.get("", summary="See drift")
def report(services: ServicesOf) -> dict[str, Any]:
    """Generations, the newest windows with their figures and tests, and every alarm, the newest first."""
    return services.operator.drift()


@router.post("/alarms/{alarm_id}/acknowledge", summary="Acknowledge an alarm", responses=problems(404))
def acknowledge(alarm_id: AlarmId, body: AcknowledgeBody, services: ServicesOf, caller: CallerOf) -> dict[str, bool]:
    """Close it; who did and why goes to the audit."""
    services.operator.acknowledge_drift(alarm_id, caller.person, body.note, accept=body.accept)
    return {"acknowledged": True}
