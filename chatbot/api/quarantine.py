"""Who and what is kept out of the datasets, and a reviewer's word on it."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictStr

from chatbot.api.common import CallerOf, ServicesOf
from chatbot.api.problems import problems
from learner.trust import decide, quarantined

LONGEST_NOTE = 4000
router = APIRouter(prefix="/v1/quarantine", tags=["Review"])


class HeldGroup(BaseModel):
    """People and turns that were held together."""

    group: str
    state: Literal["waiting", "kept out", "released"]
    step: str = Field(description="Which step of a lap found them: bursts, honeypots, sides or planted.")
    reason: str = Field(description="What they did, in plain words.")
    people: list[str] = Field(description="Ids of people; nothing that they gave is in a dataset while they are held.")
    turns: list[str] = Field(description="Ids of turns that are held whoever asked.")
    actor: str = Field(description="Who decided last; `learner` until somebody did.")
    run_id: str | None
    at: datetime = Field(description="When that was.")


class HeldGroups(BaseModel):
    """Every group that was ever held, the newest first."""

    groups: list[HeldGroup]


class HeldDecision(BaseModel):
    """Whether the next lap may learn from them again."""

    model_config = ConfigDict(extra="forbid")

    release: StrictBool
    note: StrictStr = Field(default="", max_length=LONGEST_NOTE, description="Why; it is kept in the audit.")


@router.get("", summary="See who is kept out of the datasets", responses=problems())
def held(services: ServicesOf) -> HeldGroups:
    """Everybody whom a lap found to vote as nobody does, and why; nothing of theirs is deleted."""
    return HeldGroups(groups=[HeldGroup(**asdict(group)) for group in quarantined(services.store)])


@router.post("/{group}/decision", summary="Release them, or confirm that they stay out", responses=problems(404))
def decision(
    group: Annotated[str, Path(description="The group's id.")],
    body: HeldDecision,
    services: ServicesOf,
    caller: CallerOf,
) -> HeldGroup:
    """Durable when it returns, and may be decided again. Together a released group has a small share of a dataset."""
    decided = decide(services.store, group, caller.person, release=body.release, note=body.note)
    return HeldGroup(**asdict(decided))
