"""How adapters compare, and where one of them fails."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from chatbot.api.common import ServicesOf
from chatbot.api.problems import problems
from learner.leaderboard.analysis import analyse
from learner.leaderboard.board import leaderboard
from learner.leaderboard.votes import SOURCES, Source

router = APIRouter(prefix="/v1", tags=["Operate"])


class StandingTold(BaseModel):
    """An adapter."""

    adapter: str
    rating: float = Field(description="In points of Elo; the mean of those who are connected by comparisons is 1000.")
    lower: float | None = Field(description="Of the 95% interval, by a bootstrap over people; null where one voted.")
    upper: float | None
    rank: int = Field(description="How many are surely better, plus one.")
    component: int = Field(description="Between adapters of two components nobody has compared anything.")
    votes: int
    expected: float | None = Field(description="The share that it would win against the champion, ties as half.")


class StyleTold(BaseModel):
    """What a style is worth, in points of Elo per unit: for length one natural logarithm of the characters."""

    feature: str
    worth: float
    lower: float | None
    upper: float | None


class LeaderboardTold(BaseModel):
    """The best first."""

    standings: list[StandingTold]
    counts: dict[str, int] = Field(description="Votes by source.")
    people: int = Field(description="Whose votes go together.")
    nu: float = Field(description="Davidson's weight of ties.")
    style: list[StyleTold]
    controlled: bool = Field(description="Whether ratings are at equal style.")


@router.get("/leaderboard", summary="See how adapters compare", responses=problems())
def ranking(
    services: ServicesOf,
    source: Annotated[list[Source], Query(description="Whose votes count; all of them if left out.")] = list(SOURCES),  # noqa: B006
    style: Annotated[bool, Query(description="Control for length and markdown.")] = False,
) -> LeaderboardTold:
    """Bradley-Terry with ties over in-chat comparisons (none of the learn group), reviewers and calibrated judges."""
    found = leaderboard(services.store, services.learner.registry, source or SOURCES, style=style)
    return LeaderboardTold(**found.to_values())


@router.get("/adapters/{adapter}/errors", summary="See where an adapter fails", responses=problems(404))
def errors(
    adapter: Annotated[str, Path(description="As name@version.")],
    services: ServicesOf,
    against: Annotated[str | None, Query(description="Another adapter; the champion if left out.")] = None,
) -> dict[str, Any]:
    """Failures by topic, the 20 most changed answers, and the share of the win that length explains."""
    return analyse(services.store, services.learner.registry, adapter, against).to_values()
