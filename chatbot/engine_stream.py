"""What the engine streams, as pieces of an answer: what has arrived together is one piece."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import orjson

from chatbot.errors import EngineRefused

_LOAD = re.compile(r"^vllm:num_requests_(running|waiting)(?:{[^}]*})? (\S+)$", re.MULTILINE)


class Piece(NamedTuple):
    """A piece of an answer; the last has `finish_reason`, and `usage` in tokens.

    `logprob` is summed, in nats; `tokens` are the log-probabilities one by one, and `tool_calls` what is to be added to
    the calls so far, both in OpenAI's form. `engine` is the one that it comes from (`chatbot.engines`).
    """

    text: str = ""
    finish_reason: str | None = None
    usage: Mapping[str, int] | None = None
    logprob: float | None = None
    tokens: Sequence[Mapping[str, Any]] = ()
    tool_calls: Sequence[Mapping[str, Any]] = ()
    engine: Literal["arms", "merged"] = "arms"


class Events:
    """Cuts the bytes of a stream of server-sent events into pieces."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, chunk: bytes) -> Piece | None:
        """Everything that has come to an end by now; None when nothing has. Raises EngineRefused."""
        *events, self._rest = (self._rest + chunk).split(b"\n\n")
        piece = None
        for event in events:
            if event.startswith(b"data: {"):
                new = _piece(orjson.loads(event[6:]))
                piece = new if piece is None else _joined(piece, new)
        return piece


def reason(body: bytes) -> str:
    """Why the engine refused something, in its own words."""
    try:
        told = orjson.loads(body)
    except orjson.JSONDecodeError:
        return body.decode(errors="replace")[:500]
    error = told.get("error", told)
    return str(error.get("message", error) if isinstance(error, dict) else error)


def load_of(metrics: str) -> Mapping[str, float]:
    """How many requests are `running` and `waiting`, by what vLLM tells Prometheus."""
    return {state: float(count) for state, count in _LOAD.findall(metrics)}


def prompt_logps(told: Mapping[str, Any], last: Sequence[int]) -> list[float]:
    """log p of the `last` tokens of a prompt, in nats, of what vLLM says of a completion. Raises EngineRefused."""
    try:
        (choice,) = told["choices"]
        places = choice["prompt_logprobs"][-len(last) :]
        return [float(place[str(token)]["logprob"]) for place, token in zip(places, last, strict=True)]
    except (KeyError, TypeError, ValueError) as error:
        raise EngineRefused(f"the engine told no log-probabilities of a prompt ({error!r})") from error


def _piece(event: Mapping[str, Any]) -> Piece:
    choices = event.get("choices")
    if not choices:
        if error := event.get("error"):
            raise EngineRefused(str(error.get("message", error)))
        return Piece(usage=event.get("usage"))
    (choice,) = choices
    delta = choice["delta"]
    tokens = (choice.get("logprobs") or {}).get("content") or ()
    return Piece(
        delta.get("content") or "",
        choice.get("finish_reason"),
        event.get("usage"),
        sum(token["logprob"] for token in tokens) if tokens else None,
        tokens,
        delta.get("tool_calls") or (),
    )


def _joined(one: Piece, other: Piece) -> Piece:
    logprob = one.logprob if other.logprob is None else (one.logprob or 0.0) + other.logprob
    return Piece(
        one.text + other.text,
        other.finish_reason or one.finish_reason,
        other.usage or one.usage,
        logprob,
        [*one.tokens, *other.tokens] if other.tokens else one.tokens,
        [*one.tool_calls, *other.tool_calls] if other.tool_calls else one.tool_calls,
    )
