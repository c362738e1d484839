"""Datasets over the API: build, list, look at, compare and build again."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field

from chatbot.api.common import CallerOf, ServicesOf
from chatbot.api.problems import problems

MOST_PEOPLE = 1000
router = APIRouter(prefix="/v1/datasets", tags=["Operate"])
Name = Annotated[str, Path(description="The id of a dataset, or its first letters.")]


class BuildBody(BaseModel):
    """What is to be built."""

    model_config = ConfigDict(extra="forbid")

    as_of: datetime | None = Field(default=None, description="Only what had happened by then; UTC without a zone.")
    without: list[str] = Field(default=[], max_length=MOST_PEOPLE, description="People whose rows are left out.")

    @property
    def instant(self) -> datetime | None:
        """With a zone."""
        at = self.as_of
        return at if at is None or at.tzinfo is not None else at.replace(tzinfo=UTC)


@router.get("", summary="List the datasets")
def datasets(services: ServicesOf) -> dict[str, Any]:
    """The newest first, each with how much it has."""
    return {"datasets": services.datasets.list()}


@router.post("", status_code=201, summary="Build a dataset", responses=problems(409))
def build(body: BuildBody, services: ServicesOf, caller: CallerOf) -> dict[str, Any]:
    """Choose the rows from everything that was said and imported; answers with the manifest."""
    return services.datasets.build(as_of=body.instant, without=body.without, actor=caller.person)


@router.get("/{dataset}", summary="See a dataset's manifest", responses=problems(404))
def show(dataset: Name, services: ServicesOf) -> dict[str, Any]:
    """Where its rows come from, what each step took and why, whose they are and what they are about."""
    return services.datasets.show(dataset)


@router.post("/{dataset}/rebuild", status_code=201, summary="Build a dataset again", responses=problems(404, 409))
def rebuild(dataset: Name, body: BuildBody, services: ServicesOf, caller: CallerOf) -> dict[str, Any]:
    """From the same events: the content is the same. Or from those of another instant, or without somebody."""
    return services.datasets.rebuild(dataset, as_of=body.instant, without=body.without, actor=caller.person)


@router.get("/{dataset}/diff/{other}", summary="Compare two datasets", responses=problems(404, 409))
def diff(dataset: Name, other: Name, services: ServicesOf) -> dict[str, Any]:
    """Which rows only one of them has, and which settings differ."""
    return services.datasets.diff(dataset, other)
