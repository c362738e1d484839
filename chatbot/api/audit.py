"""The audit over the API: the decisions, whether their chain holds, the record of a promotion, and model cards."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from fastapi.responses import Response

from chatbot.api.common import ServicesOf
from chatbot.api.problems import problems

MOST = 1000
MARKDOWN = "text/markdown"
router = APIRouter(prefix="/v1", tags=["Operate"])
Adapter = Annotated[str, Path(description="An adapter as name@version.")]
Head = Annotated[
    list[Annotated[str, Query(pattern="^([0-9]{1,15}:)?[0-9a-f]{64}$")]],
    Query(max_length=20, description="Hashes that were noted elsewhere, as HASH or COUNT:HASH."),
]


@router.get("/audit", summary="List the decisions")
def decisions(
    services: ServicesOf,
    action: Annotated[str | None, Query(description="One action, or the part before its dot.")] = None,
    since: Annotated[datetime | None, Query(description="Only from then on; UTC without a zone.")] = None,
    before: Annotated[int | None, Query(ge=1, le=10**15, description="Only places below, for the next page.")] = None,
    limit: Annotated[int, Query(ge=1, le=MOST)] = 100,
) -> dict[str, Any]:
    """The newest first, each with its place in the chain and its hash."""
    if since is not None and since.tzinfo is None:
        since = since.replace(tzinfo=UTC)
    return {"decisions": services.operator.decisions(action=action, since=since, before=before, limit=limit)}


@router.get("/audit/verify", summary="Verify the audit chain")
def verify(services: ServicesOf, head: Head = []) -> dict[str, Any]:  # noqa: B006 - FastAPI copies it
    """Walk along the chain now: how many decisions, and where it breaks or what contradicts it."""
    return services.operator.chain(head).to_values()


@router.get("/audit/promotions/{adapter}", summary="Export the record of a promotion", responses=problems(404, 409))
def export(adapter: Adapter, services: ServicesOf) -> dict[str, Any]:
    """One signed document: hashes, settings, gates, experiment, who decided, and the adapter's rows of the audit."""
    return services.learner.records.record(adapter)


@router.get(
    "/adapters/{adapter}/card",
    summary="See an adapter's model card",
    response_class=Response,
    responses={200: {"content": {MARKDOWN: {"schema": {"type": "string"}}}}, **problems(404, 409)},
)
def card(adapter: Adapter, services: ServicesOf) -> Response:
    """Markdown with a YAML header, as on the Hugging Face Hub, with what became of the adapter by now."""
    return Response(services.learner.model_card(adapter), media_type=MARKDOWN)
