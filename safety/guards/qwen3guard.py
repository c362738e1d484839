"""Qwen3Guard-Gen (0.6B, 4B, 8B).

The served model's own chat template builds the prompt from the conversation and asks about the last turn. The answer is

    Safety: Unsafe
    Categories: Violent, Jailbreak
    Refusal: No

with Safe, Controversial or Unsafe, `Categories: None` where nothing is found, and `Refusal` only for an answer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from safety.guards.base import CHAT, Ask, Exchange, Reply, said, turns, unreadable

CATEGORIES: Mapping[str, str] = MappingProxyType(
    {
        "violent": "violence",
        "non-violent illegal acts": "illicit",
        "sexual content or sexual acts": "sexual",
        "pii": "privacy",
        "personally identifiable information": "privacy",
        "suicide & self-harm": "self-harm",
        "unethical acts": "harassment",  # slurs, insults and discrimination, among others
        "politically sensitive topics": "politics",
        "copyright violation": "intellectual property",
        "jailbreak": "jailbreak",
    }
)
LEVELS: Mapping[str, float] = MappingProxyType({"safe": 0.0, "controversial": 0.5, "unsafe": 1.0})
_SAFETY = re.compile(r"^Safety: *(Safe|Controversial|Unsafe)\s*$", re.MULTILINE)
_CATEGORIES = re.compile(r"^Categories: *(.+?)\s*$", re.MULTILINE)


class Qwen3Guard:
    """Its three levels are the scores 0, 0.5 and 1."""

    name = "qwen3guard"
    marks: tuple[str, ...] = ("qwen3guard", "qwen3-guard")

    def ask(self, exchange: Exchange) -> Ask:
        """The conversation as it is."""
        return Ask(CHAT, {"messages": turns(exchange), "temperature": 0, "max_tokens": 64})

    def scores(self, reply: Reply, exchange: Exchange) -> Mapping[str, float]:
        """The level, for each category named; `unsafe` alone where none is."""
        text = said(reply)
        level, named = _SAFETY.search(text), _CATEGORIES.search(text)
        if level is None:
            raise unreadable(text, self.name)
        score = LEVELS[level[1].lower()]
        names = [name.strip().lower() for name in named[1].split(",")] if named is not None else []
        found = [CATEGORIES[name] for name in names if name != "none" and name in CATEGORIES]
        if any(name != "none" and name not in CATEGORIES for name in names):
            raise unreadable(text, self.name)
        return dict.fromkeys(found or ["unsafe"], score)
