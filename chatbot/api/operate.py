"""The operator's API: status, laps, experiments, promotion, rollback, export."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from typing import Annotated, Any, BinaryIO, Literal, cast

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict

from chatbot.api.common import CallerOf, ServicesOf
from chatbot.errors import BadRequest
from chatbot.proposals import who
from learner import RecipeName

CHUNK = 1 << 16
MEDIA_TYPE = "application/octet-stream"
MOST_HOURS = 24 * 366 * 10
router = APIRouter(prefix="/v1", tags=["Operate"])


class LearnBody(BaseModel):
    """`recipe` instead of that of the settings."""

    recipe: RecipeName | None = None


class PromoteBody(BaseModel):
    """The proven challenger, or an adapter by name; `override` is the reason for one that is not proven."""

    adapter: str | None = None
    override: str | None = None


class ExperimentBody(BaseModel):
    """`null` sends a copy of the champion through an experiment."""

    model_config = ConfigDict(extra="forbid")

    null: bool


class StopBody(BaseModel):
    """Why the experiment is stopped."""

    reason: str = "stopped by an operator"


@router.get("/status")
def status(services: ServicesOf) -> dict[str, Any]:
    """Where things stand."""
    return services.operator.status()


@router.get("/satisfaction")
def satisfaction(services: ServicesOf, hours: Annotated[float, Query(gt=0, le=MOST_HOURS)] = 24.0) -> dict[str, Any]:
    """Share of thumbs up over time."""
    return {"points": services.operator.satisfaction(hours)}


@router.get("/runs")
def runs(services: ServicesOf) -> dict[str, Any]:
    """The newest laps."""
    return {"runs": services.operator.runs()}


@router.post("/runs", status_code=201)
def learn(services: ServicesOf, body: LearnBody | None = None) -> dict[str, str]:
    """Start a lap."""
    return {"run_id": services.operator.learn(body.recipe if body else None)}


@router.post("/self-review", status_code=201)
def self_review(services: ServicesOf, sample: Annotated[int, Query(ge=1, le=10_000)] = 100) -> dict[str, str]:
    """Have the model read past answers again; what it finds waits for reviewers. It is a run like a lap."""
    return {"run_id": services.operator.self_review(sample)}


@router.get("/runs/{run_id}")
def run(run_id: str, services: ServicesOf) -> dict[str, Any]:
    """One lap with its progress."""
    return services.operator.run(run_id)


@router.get("/adapters")
def adapters(services: ServicesOf) -> dict[str, Any]:
    """Every adapter and what became of it, the one that changed last first."""
    return {"adapters": services.learner.registry.adapters()}


@router.get("/adapters/{adapter}")
def adapter(adapter: str, services: ServicesOf) -> dict[str, Any]:
    """The promotion card of an adapter: its recipe, dataset, gates, experiment and approvals."""
    return services.operator.card(adapter)


@router.post("/promote")
def promote(body: PromoteBody, services: ServicesOf, caller: CallerOf) -> dict[str, Any]:
    """Make an adapter the champion; `rollout` says of a winner that sets out how many of all people have it now."""
    champion = services.operator.promote(body.adapter, body.override, caller.person, who(caller))
    rollout = services.learner.registry.state().rollout
    return {"champion": champion, "rollout": rollout} if rollout else {"champion": champion}


@router.post("/rollback")
def rollback(services: ServicesOf, caller: CallerOf) -> dict[str, Any]:
    """Bring the last champion back."""
    return services.operator.rollback(caller.person)._asdict()


@router.post("/experiments", status_code=201)
def null_experiment(body: ExperimentBody, services: ServicesOf, caller: CallerOf) -> dict[str, str]:
    """Start an experiment without an effect."""
    if not body.null:
        raise BadRequest("Laps start their own experiments; only the null experiment is started by hand.")
    return {"experiment_id": services.operator.null_experiment(caller.person)}


@router.post("/experiments/stop")
def stop(body: StopBody, services: ServicesOf, caller: CallerOf) -> dict[str, bool]:
    """Stop the running experiment."""
    services.operator.stop_experiment(body.reason, caller.person)
    return {"stopped": True}


@router.get("/export", response_class=StreamingResponse, responses={200: {"content": {MEDIA_TYPE: {}}}})
def export(
    services: ServicesOf,
    caller: CallerOf,
    what: Literal["pairs", "thumbs", "turns"] = "pairs",
    format: Literal["jsonl", "parquet"] = "jsonl",
) -> StreamingResponse:
    """The rows as a file; their number is in the header X-Rows."""
    file = cast("BinaryIO", tempfile.TemporaryFile())  # noqa: SIM115
    rows = services.store.export(what, format, file)
    told = {"what": what, "format": format, "rows": rows}
    services.store.append(services.store.audit("export", caller.person, told))
    file.seek(0)
    return StreamingResponse(_chunks(file), media_type=MEDIA_TYPE, headers={"X-Rows": str(rows)})


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while chunk := file.read(CHUNK):
            yield chunk
