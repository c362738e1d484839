"""Erasing somebody, by an admin or by themselves."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from chatbot.accounts import PERSON_COOKIE, SESSION_COOKIE, cookie_header
from chatbot.api.common import CallerOf, ServicesOf
from chatbot.api.problems import problems

router = APIRouter(prefix="/v1", tags=["Accounts"])


class EraseBody(BaseModel):
    """Who is to be erased."""

    model_config = ConfigDict(extra="forbid")

    user: str = Field(description="The name of an account, the id of a person, or what a program sends as `user`.")
    dry_run: bool = Field(default=False, description="Only say what would go.")
    adapters: Literal["retrain", "revoke", "list"] | None = Field(
        default=None, description="What becomes of adapters that learned from them, instead of `erase_adapters`."
    )
    decisions: bool = Field(
        default=False, description="Blank the details of all decisions in the audit that have the name in them, too."
    )


class Receipt(BaseModel):
    """The receipt of an erasure, signed with the server's Ed25519 key over its canonical JSON without `signature`."""

    document: str
    erasure_id: str
    at: str
    person_sha256: str | None = Field(description="SHA-256 of the salt, a colon and how the person was named.")
    salt: str = Field(description="It is no part of what is signed, is kept nowhere, and proves whose the receipt is.")
    removed: dict[str, Any] = Field(description="Rows of the store by table, decisions, and parts of files by place.")
    datasets: list[dict[str, Any]] = Field(description="Datasets that were written anew, and without how many rows.")
    adapters: list[dict[str, Any]] = Field(description="What had learned from them, and its fate.")
    decisions_with_the_name: int = Field(description="Decisions in whose reasons the name still stands.")
    exports_before: int = Field(description="Exports that were handed out, which may have rows of theirs.")
    found_again: list[str] = Field(description="Files in which something of theirs was found afterwards.")
    seconds_of_writing_paused: float
    resumed: bool = Field(description="Whether it was broken off in between; then counts may be low.")
    signature: dict[str, str]


@router.get("/erasures", summary="List the erasures", responses=problems())
def erasures(services: ServicesOf) -> dict[str, Any]:
    """The newest first, each with what went and what became of the adapters; nothing tells whose it was."""
    return {"erasures": services.erasures.all()}


@router.post(
    "/erasures",
    status_code=201,
    summary="Erase somebody",
    responses={200: {"description": "What would go; with `dry_run`."}, **problems(400, 404, 409)},
)
def erase(body: EraseBody, response: Response, services: ServicesOf, caller: CallerOf) -> dict[str, Any]:
    """Take everything of theirs out of the home, so that the bytes are gone; answers with the signed receipt.

    With `dry_run` nothing is taken, and the answer, with status 200, is what would be.
    """
    who = services.erasures.find(body.user)
    if body.dry_run:
        response.status_code = 200
        return services.erasures.preview(who, body.adapters)
    receipt = services.erasures.erase(who, caller.person, policy=body.adapters, blank=body.decisions)
    services.erasures.follow_up()
    return receipt


@router.delete("/me", summary="Erase everything about you", responses=problems(400, 409))
def erase_me(
    request: Request,
    response: Response,
    services: ServicesOf,
    caller: CallerOf,
    confirm: Annotated[str, Query(description="Your name, or `Guest`, as a confirmation.")] = "",
) -> Receipt:
    """Everything of yours goes, the account included; answers with the signed receipt. It cannot be undone."""
    address = request.client.host if request.client is not None else ""
    receipt = services.erasures.erase_me(caller, confirm, address)
    secure = services.accounts.reach.is_secure(request)
    for cookie in (PERSON_COOKIE, SESSION_COOKIE):
        response.headers.append("set-cookie", cookie_header(cookie, "", seconds=0, secure=secure))
    services.erasures.follow_up()
    return Receipt.model_validate(receipt)
