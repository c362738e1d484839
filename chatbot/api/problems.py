"""How the schema describes errors: one shape, whatever went wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, Field

_MEANING: Mapping[int, str] = {
    400: "The request cannot be served; the message says what is wrong with it and what to do.",
    401: "The key is not known.",
    403: "The caller may not do this.",
    404: "There is no such thing, or it is somebody else's.",
    409: "It conflicts with what was done before.",
    503: "The store or the engine cannot be used just now; try again in a second.",
}


class Problem(BaseModel):
    """An error in OpenAI's shape."""

    message: str = Field(description="One sentence: what was wrong and what to do.")
    type: str = Field(description="The kind of error, such as `invalid_request_error`.")
    param: str | None = Field(description="The field of the request that was wrong, if it was one.")
    code: str = Field(description="A stable name of the error, for programs.")


class ErrorBody(BaseModel):
    """The body of every answer that is an error."""

    error: Problem


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that can answer with these statuses, beside those that every route can."""
    told: dict[int | str, dict[str, Any]] = {
        status: {"model": ErrorBody, "description": _MEANING[status]} for status in sorted({*statuses, 401, 403, 503})
    }
    return {**told, "default": {"model": ErrorBody, "description": "Any other error, in the same shape."}}
