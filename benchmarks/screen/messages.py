"""Messages of a given length, all different, put together from questions of the starter's customers."""

from __future__ import annotations

import re
from collections.abc import Iterator

from learner.starter import questions

TOKEN = re.compile(r"\w{1,12}|[^\w\s]")  # a word or a sign, as the screen counts


def messages(tokens: int, count: int, seed: int) -> list[str]:
    """So many messages of exactly so many tokens."""
    said = _said(seed, count * tokens // 4)
    return [_message(said, tokens, number) for number in range(count)]


def _said(seed: int, count: int) -> Iterator[str]:
    return (question.messages[-1]["content"] for question in questions(seed, count))


def _message(said: Iterator[str], tokens: int, number: int) -> str:
    text = f"{number}:"  # so that no two are alike
    while len(found := list(TOKEN.finditer(text))) < tokens:
        text += f" {next(said)}"
    return text[: found[tokens - 1].end()]
