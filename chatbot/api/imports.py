"""Imports over the API. A file is read and screened by the command, which leaves a draft in the home."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field

from chatbot.api.common import CallerOf, ServicesOf
from chatbot.api.problems import problems

router = APIRouter(prefix="/v1/imports", tags=["Operate"])


class Told(BaseModel):
    """What is in the draft's file."""

    model_config = ConfigDict(extra="ignore")

    format: str = Field(max_length=40)
    file: str = Field(max_length=1000)
    file_sha256: str = Field(pattern="^[0-9a-f]{64}$")
    records: int = 0
    taken: int = 0
    kinds: dict[str, int] = {}
    sources: dict[str, int] = {}
    left: dict[str, int] = {}
    raters: int = 0


class ImportBody(BaseModel):
    """Which draft, and whether only to say how much of it is new."""

    model_config = ConfigDict(extra="forbid")

    import_id: str = Field(description="The name of the draft.")
    told: Told
    dry_run: bool = False


@router.get("", summary="List the imports")
def imports(services: ServicesOf) -> dict[str, Any]:
    """Every import that was ever made, the newest first, with who vouched for it."""
    return {"imports": services.imports.list()}


@router.post("", status_code=201, summary="Import a draft", responses=problems(409))
def add(body: ImportBody, services: ServicesOf, caller: CallerOf) -> dict[str, Any]:
    """Append its rows in one transaction; what an import that stands has already is left out."""
    if body.dry_run:
        return {"new": services.imports.new(body.import_id)}
    return services.imports.add(body.import_id, body.told.model_dump(), caller.person)


@router.delete("/{import_id}", summary="Take an import back", responses=problems(404))
def remove(
    import_id: Annotated[str, Path(description="The id of the import.")], services: ServicesOf, caller: CallerOf
) -> dict[str, Any]:
    """No later dataset has its rows; what an adapter has learned from them it still knows."""
    return services.imports.remove(import_id, caller.person)
