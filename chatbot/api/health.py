"""Is it alive, and can a first answer be had?"""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Response
from fastapi.responses import PlainTextResponse

from chatbot.api.common import ServicesOf
from chatbot.metrics import CONTENT_TYPE

router = APIRouter(tags=["Health"])


@router.get("/healthz")
async def healthz(services: ServicesOf) -> dict[str, str]:
    """200 while the process runs; `classifier` tells which one screens."""
    return {"status": "alive", "classifier": services.scorer.status().told}


@router.get("/readyz")
async def readyz(services: ServicesOf, response: Response) -> dict[str, str]:
    """200 when a first answer can be had, else 503 with the reason."""
    if services.engine.ready and services.scorer.ready:
        return {"status": "ready"}
    response.status_code = 503
    engine = "" if services.engine.ready else services.engine.trouble or "The model is waking up."
    return {"status": "starting", "reason": engine or services.scorer.status().told}


@router.get("/metrics", summary="What Prometheus reads", response_class=PlainTextResponse)
async def metrics(services: ServicesOf) -> Response:
    """Time to first token, inter-token latency, errors and votes, by arm; for this machine, or an operator's key."""
    engines = services.engines
    text = services.metrics.text(
        engine_ready=services.engine.ready,
        engine_requests=await engines.requests(),
        merged_ready=engines.merged is not None and engines.merged.engine.ready,
        drift_alarms=len(await asyncio.to_thread(services.learner.drift.open)),
    )
    return Response(text, media_type=CONTENT_TYPE)
