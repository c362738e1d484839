"""The messages of a request: what is taken of them, in one plain form, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

from analytics.columns import whole
from chatbot.errors import BadRequest

ROLES: Mapping[str, str] = {role: role for role in ("system", "user", "assistant", "tool")} | {"developer": "system"}
LONGEST = 100_000  # characters of all messages together; every one of them is screened and kept
MOST = 1000  # messages

Message = dict[str, Any]


def checked(messages: Sequence[Mapping[str, Any]]) -> list[Message]:
    """The messages as role and text, with what belongs to tool calls.

    Raises BadRequest for what is not a conversation that ends with the user or with what a tool has told.
    """
    if not messages:
        raise BadRequest("messages is empty; it needs at least one message of the role 'user'.")
    if len(messages) > MOST:
        raise BadRequest(f"There are {len(messages)} messages; at most {MOST} are taken.")
    plain = [_checked(message) for message in messages]
    if (length := sum(len(text) for message in plain for text in texts(message))) > LONGEST:
        raise BadRequest(f"The messages are too long: {length} characters, at most {LONGEST} are taken together.")
    if plain[-1]["role"] not in ("user", "tool") or not plain[-1]["content"].strip():
        raise BadRequest("The last message must be the user's, and must not be empty.")
    return plain


def check_parameters(parameters: Mapping[str, Any]) -> None:
    """Raise BadRequest for what JSON cannot carry, before anything is kept."""
    try:
        orjson.dumps(parameters)  # the engine's request; it refuses whole numbers beyond 64 bits
        json.dumps(parameters, allow_nan=False)  # orjson would make null of numbers that are not finite
    except (TypeError, ValueError, RecursionError) as error:
        raise BadRequest(f"A parameter cannot be sent on as JSON: {error}.") from None


def texts(message: Message) -> Iterator[str]:
    """Every text of a message that the model reads."""
    yield message["content"]
    for call in message.get("tool_calls", ()):
        yield call["function"]["arguments"]


def _checked(message: Mapping[str, Any]) -> Message:
    role = ROLES.get(str(message.get("role")))
    if role is None:
        raise BadRequest(f"A message has the role {message.get('role')!r}; it must be one of {', '.join(ROLES)}.")
    calls = message.get("tool_calls") if role == "assistant" else None
    content = message.get("content")
    plain: Message = {"role": role, "content": "" if calls and content is None else _text(content)}
    if calls:
        plain["tool_calls"] = [_call(call) for call in _list(calls)]
    if role == "tool":
        plain["tool_call_id"] = _string(message.get("tool_call_id"), "tool_call_id")
    return plain


def _call(call: object) -> dict[str, Any]:
    function = call.get("function") if isinstance(call, dict) else None
    if not isinstance(call, dict) or not isinstance(function, dict):
        raise BadRequest("A tool call needs an id and a function with a name and arguments.")
    told = {name: _string(function.get(name), f"tool_calls.function.{name}") for name in ("name", "arguments")}
    return {"id": _string(call.get("id"), "tool_calls.id"), "type": "function", "function": told}


def _list(value: object) -> list[object]:
    if not isinstance(value, list):
        raise BadRequest("tool_calls must be a list.")
    return value


def _string(value: object, name: str) -> str:
    if not isinstance(value, str):
        raise BadRequest(f"A message has no {name}; it must be a text.")
    return whole(value)


def _text(content: object) -> str:
    parts: list[Any] = content if isinstance(content, list) else [{"text": content}]
    found = [part["text"] for part in parts if isinstance(part, dict) and isinstance(part.get("text"), str)]
    if len(found) < len(parts):
        raise BadRequest("A message has no text; content must be a string or a list of text parts.")
    return whole("".join(found))
