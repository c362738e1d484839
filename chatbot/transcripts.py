"""A conversation as a file to take home: JSON, Markdown, or a line in OpenAI's form."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import orjson

from chatbot.archive import Heading, Said

Format = Literal["json", "markdown", "jsonl"]
NO_ANSWER = "(no answer)"
_TYPES: Mapping[Format, tuple[str, str]] = {
    "json": ("application/json", "json"),
    "markdown": ("text/markdown; charset=utf-8", "md"),
    "jsonl": ("application/x-ndjson", "jsonl"),
}


class File(NamedTuple):
    """What is sent as a download."""

    name: str
    media_type: str
    content: bytes


def transcript(heading: Heading, turns: Sequence[Said], format: Format) -> File:
    """The conversation in `format`; jsonl leaves out what was not answered, for OpenAI's form has no room for it."""
    writer = {"json": _json, "markdown": _markdown, "jsonl": _jsonl}[format]
    media_type, ending = _TYPES[format]
    stem = re.sub(r"[^A-Za-z0-9_-]", "-", heading.conversation_id)[:80]
    return File(f"conversation-{stem}.{ending}", media_type, writer(heading, turns))


def _json(heading: Heading, turns: Sequence[Said]) -> bytes:
    told: dict[str, Any] = {
        "id": heading.conversation_id,
        "title": heading.title,
        "created": heading.created,
        "updated": heading.updated,
        "turns": turns,
    }
    return orjson.dumps(told, option=orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z | orjson.OPT_APPEND_NEWLINE)


def _markdown(heading: Heading, turns: Sequence[Said]) -> bytes:
    parts = [f"# {heading.title}", f"*{heading.created:%Y-%m-%d %H:%M} to {heading.updated:%Y-%m-%d %H:%M}, UTC*"]
    for turn in turns:
        parts += [f"**You:**\n\n{turn.question}", f"**Ratchet:**\n\n{turn.answer or NO_ANSWER}"]
    return ("\n\n".join(parts) + "\n").encode()


def _jsonl(heading: Heading, turns: Sequence[Said]) -> bytes:
    messages = [
        {"role": role, "content": text}
        for turn in turns
        if turn.answer
        for role, text in (("user", turn.question), ("assistant", turn.answer))
    ]
    return orjson.dumps({"messages": messages}, option=orjson.OPT_APPEND_NEWLINE)
