"""What has come of a turn so far, and what of it may be shown."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from analytics import Event, Reply
from chatbot.engine_stream import Piece
from chatbot.remarks import flags
from safety import StreamScreen, Verdict

Tokens = Sequence[Mapping[str, Any]]
ToolCall = dict[str, Any]


@dataclass(frozen=True)
class Delta:
    """Text that may be shown; `tokens` are its log-probabilities in OpenAI's form where they were asked for.

    With `stops`, the screen stopped the answer: `text` stands in place of what was shown, where that can be taken back.
    """

    text: str
    tokens: Tokens = ()
    tool_calls: Sequence[ToolCall] = ()
    stops: bool = False


STOPPED_AT: Mapping[str, Literal["message", "answer"]] = {"input": "message", "output": "answer"}


@dataclass(frozen=True)
class Stopped:
    """What the screen stopped, because of which category, and the language in which the person was told."""

    at: Literal["message", "answer"]
    category: str
    language: str


class Answer:
    """`text` is on show. Nothing is shown that the screen has not let pass, in whatever form it comes."""

    def __init__(self, turn_id: str, *, with_tokens: bool = False) -> None:
        self.turn_id, self.began = turn_id, time.perf_counter()
        self.text, self.finish_reason = "", "cancelled"
        self.usage: Mapping[str, int] = {}
        self.first_at: float | None = None
        self.last_at: float | None = None
        self.logprob: float | None = None
        self.engine: str | None = None  # which one answered, and, of an answer that changed engines, ended
        self.tool_calls: list[ToolCall] = []
        self.screening: StreamScreen | None = None
        self.stopped: Stopped | None = None
        self._tape = Tape() if with_tokens else None

    def take(self, piece: Piece) -> None:
        """Note what came beside the text, which the screen must see first."""
        self.usage, self.engine = piece.usage or self.usage, piece.engine
        if piece.logprob is not None:
            self.logprob = (self.logprob or 0.0) + piece.logprob
        if self._tape is not None:
            self._tape.take(piece.text, piece.tokens)
        for call in piece.tool_calls:
            self._add(call)

    def show(self, text: str) -> Delta:
        """Put `text` on show."""
        self.last_at = time.perf_counter()
        if self.first_at is None:
            self.first_at = self.last_at
        self.text += text
        return Delta(text, self._tape.give(text) if self._tape is not None else ())

    def stop(self, stopped: Stopped, text: str) -> Delta:
        """Put `text` in place of the rest; what was shown was seen, so it is kept."""
        self.finish_reason, self.tool_calls, self.stopped = "content_filter", [], stopped
        return replace(self.show(("\n\n" if self.text else "") + text), stops=True)

    @property
    def ttft_ms(self) -> float | None:
        """Milliseconds to the first text on show."""
        return None if self.first_at is None else round(1000 * (self.first_at - self.began), 1)

    @property
    def token_ms(self) -> float | None:
        """Mean milliseconds between two tokens."""
        count = self.usage.get("completion_tokens", 0)
        if count < 2 or self.first_at is None or self.last_at is None:
            return None
        return 1000 * (self.last_at - self.first_at) / (count - 1)

    @property
    def verdicts(self) -> Sequence[Verdict]:
        """What the filters said of it."""
        return self.screening.verdicts if self.screening else []

    def events(self) -> list[Event]:
        """The reply, and what a reviewer should look at."""
        verdicts = self.verdicts
        reply = Reply(
            turn_id=self.turn_id,
            completion=self.text,
            finish_reason=self.finish_reason,  # type: ignore[arg-type]
            prompt_tokens=self.usage.get("prompt_tokens"),
            completion_tokens=self.usage.get("completion_tokens"),
            ttft_ms=self.ttft_ms,
            duration_ms=round(1000 * (time.perf_counter() - self.began), 1),
            logprob=self.logprob,
            verdicts=[verdict.to_values() for verdict in verdicts],
            tool_calls=self.tool_calls or None,
            engine=self.engine,  # type: ignore[arg-type]
        )
        return [reply, *flags(self.turn_id, verdicts, "answer")]

    def _add(self, part: Mapping[str, Any]) -> None:
        """Put a part of a tool call to the call that it belongs to."""
        at = part.get("index", 0)
        while len(self.tool_calls) <= at:
            self.tool_calls.append({"id": None, "type": "function", "function": {"name": "", "arguments": ""}})
        call, function = self.tool_calls[at], part.get("function") or {}
        call["id"] = part.get("id") or call["id"]
        for name in ("name", "arguments"):
            call["function"][name] += function.get(name) or ""


class Tape:
    """Log-probabilities of what is held back, until the same text is shown; once it is changed, there are none."""

    def __init__(self) -> None:
        self._text, self._held = "", list[Mapping[str, Any]]()
        self._bytes = 0  # of text that was shown, less those of the tokens that were given
        self._true = True

    def take(self, text: str, tokens: Tokens) -> None:
        """The next piece as the engine sent it."""
        self._text += text
        self._held += tokens

    def give(self, shown: str) -> Tokens:
        """The tokens that end in what is shown now."""
        self._true = self._true and self._text.startswith(shown)
        if not self._true:
            return ()
        self._text = self._text[len(shown) :]
        self._bytes += len(shown.encode())
        count = 0
        for token in self._held:
            length = len(token["bytes"]) if token.get("bytes") is not None else len(token["token"].encode())
            if length > self._bytes:
                break
            self._bytes -= length
            count += 1
        given, self._held = self._held[:count], self._held[count:]
        return given
