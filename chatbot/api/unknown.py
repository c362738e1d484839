"""Whatever else is asked of the API."""

from __future__ import annotations

from fastapi import APIRouter, Request

from chatbot.errors import UnknownPath

router = APIRouter(prefix="/v1")


@router.api_route("/{path:path}", methods=["GET", "POST", "PUT", "PATCH", "DELETE"], include_in_schema=False)
async def unknown(path: str, request: Request) -> None:
    """Say so in the shape of every error; the pages, which are mounted behind the API, would answer otherwise."""
    raise UnknownPath(f"There is no {request.method} /v1/{path} here.")
