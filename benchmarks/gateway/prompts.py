"""What is asked: questions of the starter's customers, other ones in every round, and the same for every target."""

from __future__ import annotations

from functools import cache

from learner.starter import questions


def bodies(model: str, tokens: int, seed: int, count: int) -> list[dict[str, object]]:
    """Requests for streamed answers of exactly so many tokens, the likeliest one each time."""
    more = {
        "model": model,
        "max_tokens": tokens,
        "min_tokens": tokens,
        "ignore_eos": True,
        "temperature": 0,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    return [{"messages": list(messages), **more} for messages in _asked(seed, count)]


@cache
def _asked(seed: int, count: int) -> tuple[tuple[dict[str, str], ...], ...]:
    return tuple(tuple(question.messages) for question in questions(seed, count))
