"""The page behind a link: a conversation to read, for anybody who was given the link, without Gradio or scripts."""

from __future__ import annotations

import html

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from chatbot.api.common import services_of
from chatbot.api.conversations import PRIVATE
from chatbot.archive import Shared
from chatbot.errors import UnknownShare
from chatbot.pages.look import STYLE, header
from chatbot.transcripts import NO_ANSWER

# Nothing of what people wrote may run or be loaded here, whatever it looks like.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
_HEADERS = {**PRIVATE, "Content-Security-Policy": _POLICY, "X-Content-Type-Options": "nosniff"}
router = APIRouter()


@router.get("/shared/{share_id}", response_class=HTMLResponse, include_in_schema=False)
def shared(share_id: str, request: Request) -> HTMLResponse:
    """The conversation up to the time of the link; 404 once the link was taken back or the conversation deleted."""
    try:
        seen = services_of(request).archive.shared(share_id)
    except UnknownShare as error:
        return _page("Nothing here", f"<h1>Nothing here</h1><p>{html.escape(str(error))}</p>", 404)
    return _page(seen.title, _conversation(seen))


def _conversation(seen: Shared) -> str:
    parts = [f"<h1>{html.escape(seen.title)}</h1>", f"<p class='rt-until'>Shared on {seen.at.day} {seen.at:%B %Y}</p>"]
    for turn in seen.turns:
        parts.append(f"<div class='rt-said rt-user'>{html.escape(turn.question)}</div>")
        parts.append(f"<div class='rt-said rt-bot'>{html.escape(turn.answer or NO_ANSWER)}</div>")
    return "".join(parts)


def _page(title: str, body: str, status: int = 200) -> HTMLResponse:
    head = f"<meta charset='utf-8'><meta name='robots' content='noindex, nofollow'><title>{html.escape(title)}</title>"
    page = f"<body class='rt-shared'>{header('Shared conversation')}<main>{body}</main></body>"
    return HTMLResponse(f"<!doctype html><html lang='en'><head>{head}{STYLE}</head>{page}</html>", status, _HEADERS)
