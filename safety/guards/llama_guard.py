"""Llama Guard 3 (1B, 8B) and 4 (12B).

The served model's own chat template builds the prompt from the conversation, with the categories and the question
about the last turn. The answer is `safe`, or `unsafe` and a line with codes such as `S1,S10`; some begin with empty
lines. The codes are those of MLCommons, the same in both, but for S14, which Llama Guard 3 1B does not know.

For Llama Guard 4, whose template may want the content of a message as a list of parts, vLLM converts texts itself; this
was written from the published description and not tried with the weights.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from safety.guards.base import CHAT, TOP, Ask, Exchange, Reply, choices, said, share_of, turns, unreadable

CODES: Mapping[str, str] = MappingProxyType(
    {
        "S1": "illicit/violent",  # violent crimes
        "S2": "illicit",  # non-violent crimes
        "S3": "sexual",  # sex-related crimes
        "S4": "sexual/minors",
        "S5": "defamation",
        "S6": "specialised advice",
        "S7": "privacy",
        "S8": "intellectual property",
        "S9": "illicit/violent",  # indiscriminate weapons
        "S10": "hate",
        "S11": "self-harm",
        "S12": "sexual",
        "S13": "elections",
        "S14": "illicit",  # abuse of a code interpreter
    }
)
_ANSWER = re.compile(r"(?:safe|unsafe(?:\s+(?P<codes>S\d{1,2}(?:\s*,\s*S\d{1,2})*))?)\s*")


class LlamaGuard:
    """Asked for the first token's probabilities too, which make a score of the word."""

    name = "llama-guard"
    marks: tuple[str, ...] = ("llama-guard", "llamaguard")

    def ask(self, exchange: Exchange) -> Ask:
        """The conversation as it is."""
        return Ask(
            CHAT,
            {
                "messages": turns(exchange),
                "temperature": 0,
                "max_tokens": 32,
                "logprobs": True,
                "top_logprobs": TOP,
            },
        )

    def scores(self, reply: Reply, exchange: Exchange) -> Mapping[str, float]:
        """How likely `unsafe` was, for each category named; `unsafe` alone where none is."""
        text = said(reply)
        match = _ANSWER.fullmatch(text)
        if match is None:
            raise unreadable(text, self.name)
        word = share_of("unsafe", "safe", _first_word(reply))
        if text.startswith("safe"):
            return {"unsafe": min(word, 0.5) if word is not None else 0.0}
        score = word if word is not None else 1.0
        codes = re.findall(r"S\d+", match["codes"] or "")
        if any(code not in CODES for code in codes):
            raise unreadable(text, self.name)
        return {CODES[code]: score for code in codes} or {"unsafe": score}


def _first_word(reply: Reply) -> Iterator[tuple[object, object]]:
    """What could have stood in place of the first token that is not white space."""
    found = choices(reply)[0].get("logprobs")
    tokens: list[Any] = (found.get("content") or []) if isinstance(found, Mapping) else []
    first = next((token for token in tokens if str(token.get("token", "")).strip()), None)
    for other in (first or {}).get("top_logprobs", ()):
        # Some tokenizers have `unsafe` as `uns` and `afe`.
        word = str(other.get("token", "")).strip().lower()
        yield "unsafe" if len(word) > 1 and "unsafe".startswith(word) else word, other.get("logprob")
