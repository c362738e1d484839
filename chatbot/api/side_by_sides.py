"""Two answers side by side: sets for operators, items for reviewers, who are not told whose answer is whose."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from analytics.events_side_by_side import Choice
from chatbot.api.common import CallerOf, ServicesOf
from chatbot.api.problems import problems
from chatbot.side_by_sides import MOST_ITEMS

router = APIRouter(prefix="/v1/side-by-sides", tags=["Review"])
LONGEST = 20_000  # characters of a message


class PromptMessage(BaseModel):
    """A message of a prompt."""

    model_config = ConfigDict(extra="forbid")

    role: Literal["system", "user", "assistant"]
    content: str = Field(min_length=1, max_length=LONGEST)


class StartBody(BaseModel):
    """Which adapters answer which prompts."""

    model_config = ConfigDict(extra="forbid")

    adapter: str = Field(description="The adapter that may become champion.")
    against: str | None = Field(None, description="The other one; the champion if left out.")
    count: int = Field(60, ge=1, le=MOST_ITEMS)
    prompts: list[Annotated[list[PromptMessage], Field(min_length=1)]] = Field(
        [], max_length=MOST_ITEMS, description="Without any, questions of people of the decide group who agreed."
    )


class Item(BaseModel):
    """Two answers to one prompt."""

    item_id: str
    messages: list[dict[str, Any]]
    answer_a: str
    answer_b: str


class Items(BaseModel):
    """`waiting` is how many there are in all."""

    waiting: int
    items: list[Item]


class ChoiceBody(BaseModel):
    """Which answer is better; `both-bad` is a tie of two that nobody should get."""

    model_config = ConfigDict(extra="forbid")

    choice: Choice


class JudgeBody(BaseModel):
    """What a judge says of every item, by the item's id; one that changes with the order is a tie."""

    model_config = ConfigDict(extra="forbid")

    judge: str = Field(description="Its identity, as its calibration in the home names it.")
    choices: dict[str, Literal["a", "b", "tie"]] = Field(max_length=MOST_ITEMS)


class Decided(BaseModel):
    """What one kind of deciders said; `share` is the challenger's, ties as half, with its 95% interval."""

    decisions: int
    items: int
    deciders: int
    share: float | None
    interval: tuple[float, float] | None
    ties: int
    both_bad: int


class SignalTold(BaseModel):
    """Whether the challenger may be promoted as far as this is concerned."""

    holds: bool
    source: Literal["reviewers", "judge"] | None
    reason: str


class SetTold(BaseModel):
    """A set and what it came to."""

    set_id: str
    challenger: str
    champion: str
    at: datetime
    items: int
    reviewer: Decided
    judge: Decided
    signal: SignalTold


class Sets(BaseModel):
    """The newest first."""

    sets: list[SetTold]


@router.get("", summary="See the sets and what they came to", responses=problems())
def sets(services: ServicesOf) -> Sets:
    """The win share of each challenger, with an interval that is robust to the taste of single reviewers."""
    return Sets(sets=[SetTold(**one) for one in services.side_by_sides.status()])


@router.post(
    "", status_code=201, summary="Have two adapters answer the same prompts", responses=problems(400, 404, 409)
)
def start(body: StartBody, services: ServicesOf) -> dict[str, str]:
    """It is a run like a lap; when it ends, its items wait for reviewers. The id is that of the run and of the set."""
    prompts = [[message.model_dump() for message in one] for one in body.prompts]
    return {"run_id": services.side_by_sides.start(body.adapter, body.against, body.count, prompts)}


@router.get("/items", summary="See what waits for you", responses=problems())
def waiting(services: ServicesOf, caller: CallerOf, limit: Annotated[int, Query(ge=1, le=100)] = 20) -> Items:
    """Items that you have not decided yet. Which answer is A was drawn for each item, and is told to nobody."""
    count, items = services.side_by_sides.waiting(caller.person, limit)
    return Items(waiting=count, items=[Item(**item) for item in items])


@router.post("/items/{item_id}/decision", summary="Say which answer is better", responses=problems(404))
def decide(
    item_id: Annotated[str, Path(description="The item's id.")],
    body: ChoiceBody,
    services: ServicesOf,
    caller: CallerOf,
) -> dict[str, bool]:
    """Durable when it returns; said again, the later choice holds."""
    services.side_by_sides.decide(item_id, caller.person, body.choice)
    return {"decided": True}


@router.get("/{set_id}/items", summary="See a whole set", responses=problems(404))
def whole_set(set_id: Annotated[str, Path(description="The set's id.")], services: ServicesOf) -> Items:
    """As a judge is shown it: without a word on whose answer is whose."""
    items = services.side_by_sides.items(set_id)
    return Items(waiting=len(items), items=[Item(**item) for item in items])


@router.post("/{set_id}/judge", summary="Keep a judge's decisions", responses=problems(400, 404, 409))
def judge(
    set_id: Annotated[str, Path(description="The set's id.")], body: JudgeBody, services: ServicesOf, caller: CallerOf
) -> dict[str, bool]:
    """Only of a judge that was calibrated in this home, and whose labels did not teach the challenger."""
    services.side_by_sides.judge(set_id, body.judge, dict(body.choices), caller.person)
    return {"decided": True}
