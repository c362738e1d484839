"""A person's own conversations, and the links by which they show one to others."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from chatbot.api.callers import CallerFor
from chatbot.api.common import ServicesOf
from chatbot.api.problems import problems
from chatbot.archive import LONGEST_SEARCH, LONGEST_TITLE, MOST, Heading, Said
from chatbot.transcripts import Format, transcript

# A link is for whom it was given to, and not for search engines or for what lies between.
PRIVATE = {"X-Robots-Tag": "noindex, nofollow", "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
router = APIRouter(prefix="/v1", tags=["Conversations"])
Id = Annotated[str, Path(description="The id of a conversation, as the list gives it.")]
ShareId = Annotated[str, Path(description="The id of a link.")]


class ConversationLine(BaseModel):
    """A conversation in the list."""

    id: str = Field(description="The conversation's id; a chat completion goes on with it as `conversation_id`.")
    object: Literal["conversation"] = "conversation"
    title: str = Field(description="The title that it was given, else the beginning of its first question.")
    created: datetime = Field(description="When the first question was asked.")
    updated: datetime = Field(description="When the last question was asked.")
    turns: int = Field(description="How many questions; one that was asked again counts once.")
    snippet: str | None = Field(description="In a search, the text around the newest hit.")


class ConversationList(BaseModel):
    """One page of conversations, newest first."""

    object: Literal["list"] = "list"
    data: list[ConversationLine]
    has_more: bool = Field(description="Whether there are more behind the last one.")
    last_id: str | None = Field(description="What to send as `after` for the next page.")


class Message(BaseModel):
    """A question or an answer."""

    role: Literal["user", "assistant"]
    content: str = Field(description="The text; empty where an answer was cut off before its first word.")
    at: datetime = Field(description="When the question was asked.")
    response_id: str | None = Field(default=None, description="The answer's id, for feedback.")
    finish_reason: str | None = Field(default=None, description="Why the answer ended; null while it has not.")
    vote: int | None = Field(default=None, description="Your live vote: 1, -1, or null.")
    stars: int | None = Field(default=None, description="Your live rating, where the vote came as stars.")


class OpenShare(BaseModel):
    """A link that is open."""

    share_id: str
    url: str = Field(description="The page to hand on.")
    until: datetime = Field(description="The link shows what was answered up to then, and nothing that came later.")


class ConversationDetail(ConversationLine):
    """A conversation with all that is on show in it."""

    messages: list[Message]
    shares: list[OpenShare] = Field(description="The links that are open, oldest first.")


class TitleBody(BaseModel):
    """A new title."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"title": "Parcels to Norway"}})

    title: str = Field(description=f"Up to {LONGEST_TITLE} characters on one line; it passes the safety filters.")


class SharedMessage(BaseModel):
    """A question or an answer, as the holder of a link sees it."""

    role: Literal["user", "assistant"]
    content: str


class SharedConversation(BaseModel):
    """What a link shows: no ids, no names, no votes, and nothing of which model answered."""

    title: str
    until: datetime = Field(description="When the link was made.")
    messages: list[SharedMessage]


@router.get("/conversations", summary="List or search your conversations", responses=problems(400, 404))
def conversations(
    services: ServicesOf,
    caller: CallerFor,
    limit: Annotated[int, Query(ge=1, le=MOST, description="How many at most.")] = 20,
    after: Annotated[str | None, Query(description="The `last_id` of the page before.")] = None,
    q: Annotated[
        str | None,
        Query(description=f"Only those with this text in a question or an answer, up to {LONGEST_SEARCH} characters."),
    ] = None,
) -> ConversationList:
    """Newest first. The search knows no upper and lower case, and takes the text as it stands, without wildcards."""
    headings, more = services.archive.page(caller.person, limit, after, q)
    last = headings[-1].conversation_id if headings else None
    return ConversationList(data=[_line(heading) for heading in headings], has_more=more, last_id=last)


@router.get("/conversations/{conversation_id}", summary="Read a conversation", responses=problems(404))
def conversation(conversation_id: Id, request: Request, services: ServicesOf, caller: CallerFor) -> ConversationDetail:
    """The messages on show with the ids of the answers and your votes, and the links that are open."""
    heading = services.archive.heading(caller.person, conversation_id)
    turns = services.archive.turns(caller.person, conversation_id)
    shares = services.archive.shares(caller.person, conversation_id)
    return ConversationDetail(
        **_line(heading).model_dump(),
        messages=[message for turn in turns for message in _messages(turn)],
        shares=[_share(request, share.share_id, share.at) for share in shares],
    )


@router.patch("/conversations/{conversation_id}", summary="Rename a conversation", responses=problems(400, 404))
def rename(conversation_id: Id, body: TitleBody, services: ServicesOf, caller: CallerFor) -> ConversationLine:
    """Give it a title, which holds until the next one."""
    return _line(services.archive.rename(caller.person, conversation_id, body.title))


@router.delete(
    "/conversations/{conversation_id}", status_code=204, summary="Delete a conversation", responses=problems(404)
)
def delete(conversation_id: Id, services: ServicesOf, caller: CallerFor) -> None:
    """Take it out of every list, link and queue, and out of what is learned from. There is no way back.

    What a run has learned before, an adapter still knows. What was written stays in the store, marked as deleted and
    shown to nobody, until it is erased there.
    """
    services.archive.delete(caller.person, conversation_id)


@router.get(
    "/conversations/{conversation_id}/export",
    summary="Download a conversation",
    response_class=Response,
    responses={200: {"description": "The file, as an attachment."}, **problems(400, 404)},
)
def export(
    conversation_id: Id,
    services: ServicesOf,
    caller: CallerFor,
    format: Annotated[
        Format, Query(description="`jsonl` is one line in OpenAI's form: an object with `messages`.")
    ] = "json",
) -> Response:
    """The conversation as a file; `jsonl` leaves out what was not answered."""
    heading = services.archive.heading(caller.person, conversation_id)
    file = transcript(heading, services.archive.turns(caller.person, conversation_id), format)
    headers = {"Content-Disposition": f'attachment; filename="{file.name}"', "X-Content-Type-Options": "nosniff"}
    return Response(file.content, media_type=file.media_type, headers=headers)


@router.post(
    "/conversations/{conversation_id}/share",
    status_code=201,
    summary="Open a link to a conversation",
    responses=problems(400, 404),
)
def share(conversation_id: Id, request: Request, services: ServicesOf, caller: CallerFor) -> OpenShare:
    """Anybody who has the link may read what was asked and answered up to now, without signing in."""
    made = services.archive.share(caller.person, conversation_id)
    return _share(request, made.share_id, made.at)


@router.delete(
    "/conversations/{conversation_id}/share/{share_id}",
    status_code=204,
    summary="Close a link",
    responses=problems(404),
)
def revoke(conversation_id: Id, share_id: ShareId, services: ServicesOf, caller: CallerFor) -> None:
    """From now on the link shows nothing."""
    services.archive.revoke(caller.person, conversation_id, share_id)


@router.get("/shared/{share_id}", summary="Read a shared conversation", responses=problems(404))
def shared(share_id: ShareId, response: Response, services: ServicesOf) -> SharedConversation:
    """What a link shows, to anybody who has it."""
    response.headers.update(PRIVATE)
    seen = services.archive.shared(share_id)
    messages = [
        SharedMessage(role=message.role, content=message.content) for turn in seen.turns for message in _messages(turn)
    ]
    return SharedConversation(title=seen.title, until=seen.at, messages=messages)


def _line(heading: Heading) -> ConversationLine:
    return ConversationLine(
        id=heading.conversation_id,
        title=heading.title,
        created=heading.created,
        updated=heading.updated,
        turns=heading.turns,
        snippet=heading.snippet,
    )


def _messages(turn: Said) -> tuple[Message, Message]:
    answer = Message(
        role="assistant",
        content=turn.answer or "",
        at=turn.at,
        response_id=turn.response_id,
        finish_reason=turn.finish_reason,
        vote=turn.vote,
        stars=turn.stars,
    )
    return Message(role="user", content=turn.question, at=turn.at), answer


def _share(request: Request, share_id: str, at: datetime) -> OpenShare:
    return OpenShare(share_id=share_id, url=f"{request.base_url}shared/{share_id}", until=at)
