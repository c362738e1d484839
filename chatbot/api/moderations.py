"""OpenAI's moderation, by our own filters."""

from __future__ import annotations

import secrets
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from chatbot.api.common import CallerOf, ServicesOf, budgets
from chatbot.errors import BadRequest
from chatbot.messages import LONGEST
from chatbot.moderation import MODEL, result
from safety import Context

MOST_TEXTS = 256
router = APIRouter(tags=["OpenAI"])


class ModerationBody(BaseModel):
    """What is to be looked at."""

    model_config = ConfigDict(extra="ignore", json_schema_extra={"example": {"input": "How long is delivery?"}})

    input: str | list[str] | list[dict[str, Any]] = Field(
        description="A text, several texts, or one text in parts of OpenAI's form; images are not taken."
    )
    model: str | None = Field(None, description=f"Ignored: it is always `{MODEL}`, the screen that this server uses.")


@router.post("/v1/moderations", summary="Show texts to the filters")
async def moderations(body: ModerationBody, services: ServicesOf, caller: CallerOf) -> dict[str, Any]:
    """What the screen says of a message from a person, in OpenAI's categories."""
    budgets(services, caller).admit()
    texts = _texts(body.input)
    context = Context("input", caller.person)
    results = [result(await services.screen.check(text, context)) for text in texts]
    return {"id": f"modr-{secrets.token_hex(12)}", "model": MODEL, "results": results}


def _texts(given: str | list[str] | list[dict[str, Any]]) -> list[str]:
    if isinstance(given, str):
        texts = [given]
    else:
        whole = [part for part in given if isinstance(part, str)]
        parts = [part["text"] for part in given if isinstance(part, dict) and isinstance(part.get("text"), str)]
        if len(whole) + len(parts) < len(given) or not given:
            raise BadRequest("input must be a text, a list of texts, or a list of text parts.")
        texts = [*whole, *(["".join(parts)] if parts else [])]
    if len(texts) > MOST_TEXTS or sum(map(len, texts)) > LONGEST:
        raise BadRequest(f"input is too much: at most {MOST_TEXTS} texts, and {LONGEST} characters together.")
    return texts
