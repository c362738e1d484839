"""Evaluations over the API: what models came to on benchmark suites, over time."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictStr

from chatbot.api.common import CallerOf, ServicesOf
from chatbot.api.problems import problems

LONGEST = 4000
_HASH = r"^[0-9a-f]{64}$"
router = APIRouter(prefix="/v1/evaluations", tags=["Operate"])
Number = Annotated[float, Field(allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1, le=10_000_000)]
Name = Annotated[StrictStr, Field(min_length=1, max_length=400)]


class ScoresBody(BaseModel):
    """The parts of the value by row; how they combine is named."""

    model_config = ConfigDict(extra="forbid")

    parts: list[list[Number]]
    combine: Literal["ratio", "perplexity", "macro", "gap", "bleu"]
    higher_is_better: StrictBool | None
    extremes: list[list[Number]] | None


class DetailBody(BaseModel):
    """Every metric with its interval and its slices, why some are lacking, and the scores by row."""

    model_config = ConfigDict(extra="forbid")

    metrics: dict[str, dict[str, Any]]
    lacking: dict[str, str]
    row_ids: list[str]
    scores: ScoresBody
    cut_off: int = Field(ge=0, le=10_000_000, description="Answers that did not end by themselves.")
    comparison: dict[str, Any] | None = Field(default=None, description="What it was held against, whole and by slice.")


class EvaluationBody(BaseModel):
    """What `./ratchet evaluate` measured of one model on one suite."""

    model_config = ConfigDict(extra="forbid")

    suite: Name
    suite_sha256: Annotated[StrictStr, Field(pattern=_HASH)]
    metric: Name
    margin: Annotated[Number, Field(ge=0)]
    weight: Annotated[Number, Field(ge=0)]
    adapter: Name = Field(description="A name of the registry, or that of a model at an endpoint.")
    weights_sha256: Annotated[StrictStr, Field(pattern=_HASH)] | None
    base: Name
    endpoint: Annotated[StrictStr, Field(max_length=LONGEST)] | None
    rows: Count
    value: Number | None
    low: Number | None
    high: Number | None
    against: Name | None = Field(description="The id of the evaluation that it was held against.")
    passed: StrictBool | None
    reason: Annotated[StrictStr, Field(max_length=LONGEST)]
    detail: DetailBody
    folder: Annotated[StrictStr, Field(max_length=LONGEST)]


class EvaluationKept(BaseModel):
    """The id under which it is kept."""

    evaluation_id: str


class EvaluationTold(BaseModel):
    """One evaluation, without the scores by row."""

    evaluation_id: str
    suite: str
    suite_sha256: str
    metric: str
    margin: float
    weight: float
    adapter: str
    weights_sha256: str | None
    base: str
    endpoint: str | None
    rows: int
    value: float | None
    low: float | None
    high: float | None
    against: str | None
    passed: bool | None
    reason: str
    metrics: dict[str, Any] = Field(description="Every metric by name, with its interval and its slices.")
    folder: str
    actor: str
    at: datetime


class EvaluationsTold(BaseModel):
    """The newest first."""

    evaluations: list[EvaluationTold]


class EvaluationFound(BaseModel):
    """The newest evaluation of a model on exactly these questions, with its scores by row; null where there is none."""

    evaluation: dict[str, Any] | None


@router.get("", summary="List the evaluations", responses=problems())
def evaluations(
    services: ServicesOf,
    suite: Annotated[str | None, Query(max_length=400)] = None,
    adapter: Annotated[str | None, Query(max_length=400)] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> EvaluationsTold:
    """What models came to on benchmark suites, of one suite or of one adapter where named."""
    rows = services.evaluations.list(suite, adapter, limit)
    return EvaluationsTold(evaluations=[EvaluationTold(**row) for row in rows])


@router.get("/latest", summary="See the newest evaluation of a model on a suite", responses=problems())
def latest(
    services: ServicesOf,
    suite_sha256: Annotated[str, Query(pattern=_HASH)],
    adapter: Annotated[str, Query(max_length=400)],
    weights_sha256: Annotated[str | None, Query(pattern=_HASH)] = None,
) -> EvaluationFound:
    """With its scores by row, so that another model can be held against it."""
    return EvaluationFound(evaluation=services.evaluations.latest(suite_sha256, adapter, weights_sha256))


@router.post("", status_code=201, summary="Keep an evaluation", responses=problems(409))
def add(body: EvaluationBody, services: ServicesOf, caller: CallerOf) -> EvaluationKept:
    """Durable when it returns, and on the audit chain."""
    return EvaluationKept(**services.evaluations.add(body.model_dump(), caller.person))
