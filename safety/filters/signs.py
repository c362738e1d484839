"""What has the form of something else: turns that nobody took, templates, and settings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple


class Sign(NamedTuple):
    """A form that an attempt takes; `score` is what one alone says."""

    label: str
    score: float
    needle: str  # in small letters; without it, nothing can match
    pattern: re.Pattern[str]


def _sign(label: str, score: float, needle: str, pattern: str) -> Sign:
    return Sign(label, score, needle, re.compile(pattern, re.IGNORECASE | re.MULTILINE))


_ORDER = r"(?:you|ignore|from now|new|override|do not|always|never|the assistant|forget|disregard|respond|answer|all)\b"
SIGNS = (
    _sign(
        "injection",
        1.0,
        "<|",
        r"<\|\s*(?:im_start|start_header_id)\s*\|>\s*(?:system|assistant|user|developer)\b|<\|\s*(?:system|user|assistant)\s*\|>\s*[^<?]{8}",
    ),
    _sign(
        "injection",
        0.6,
        "<|",
        r"<\|\s*(?:im_(?:start|end|sep)|endoftext|eot_id|begin_of_text|(?:start|end)_header_id|system|user|assistant|end|endofprompt)\s*\|>",
    ),
    _sign("injection", 1.0, "[inst]", r"\[INST\](?:\s*<<SYS>>)?[^\[]{8,}\[/INST\]|\[INST\]\s*<<SYS>>"),
    _sign("injection", 0.6, "inst]", r"\[/?INST\]"),
    _sign("injection", 0.6, "<<sys>>", r"<</?SYS>>"),
    _sign("injection", 0.6, "_of_turn>", r"<(?:start|end)_of_turn>"),
    _sign(
        "injection",
        1.0,
        "system",
        rf"^\W{{0,6}}system\s*(?:prompt|message|override|note|notice|instructions?)?\W{{0,4}}[:\]>]\W{{0,6}}{_ORDER}",
    ),
    _sign(
        "injection",
        0.6,
        "system",
        r"^#{2,}\s*(?:system|new system)\b.{0,20}:?\s*$|^\[(?:system|system message|admin)\]",
    ),
    _sign("injection", 0.6, "instruction", r"^#{2,}\s*(?:new )?instructions?\s*:"),
    _sign(
        "injection",
        1.0,
        "![",
        r"!\[[^\]\n]{0,80}\]\(\s*https?://[^()!\s]{3,200}?[?&/=][^()!\s]{0,80}?(?:\{|\[|%7B|<|\$|DATA|SECRET|CONVERSATION|HISTORY)[^)\n]{0,80}\)",
    ),
    _sign(
        "injection",
        0.6,
        "display",
        r"style\s*=\s*[\"'][^\"'>]{0,80}display\s*:\s*none[^>]{0,80}>[^<]{0,200}\b(?:assistant|ai|model|ignore|instructions?)\b",
    ),
    _sign(
        "injection",
        0.6,
        "<!--",
        r"<!--[^>]{0,200}\b(?:assistant|ai model|language model|llm|chatbot|ignore|instructions? to)\b",
    ),
    _sign(
        "jailbreak",
        0.6,
        "allowed",
        r"<\s*(?:allowed|permitted)[-_ ]?(?:responses?|modes?|requests?|topics?|content|actions?)\b",
    ),
    _sign(
        "jailbreak",
        0.6,
        "block",
        r"<\s*blocked?[-_ ]?(?:responses?|modes?|strings?|requests?|phrases?|words?|refusals?)\b|\bblocked[-_]"
        r"(?:strings?|responses?|modes?|phrases?)\s*[=:]",
    ),
    _sign(
        "jailbreak",
        0.6,
        "config",
        r"<\s*(?:interaction|assistant|policy|safety|behaviou?r|chat|session|role)[-_ ]?config",
    ),
    _sign(
        "jailbreak",
        0.6,
        "saf",
        r"[\"']?\b(?:safety(?:[-_ ](?:filters?|mode|checks?|policy|level))?)\b[\"']?\s*[=:]\s*[\"']?(?:off|false"
        r"|none|disabled?|0)\b",
    ),
    _sign(
        "jailbreak",
        0.6,
        "restrict",
        r"[\"']?\b(?:content[-_ ])?restrictions?[\"']?\s*[=:]\s*[\"']?(?:off|false|none|disabled?|0|\[\])",
    ),
    _sign(
        "jailbreak",
        0.6,
        "refus",
        r"[\"']?\b(?:allow[-_ ])?refusals?[\"']?\s*[=:]\s*[\"']?(?:off|false|none|disabled?|never|0|not allowed)\b",
    ),
    _sign(
        "jailbreak",
        0.6,
        "filter",
        r"[\"']?\b(?:content|ethics?|moral|output|safety)[-_ ]filters?[\"']?\s*[=:]\s*[\"']?(?:off|false|none|"
        r"disabled?|0)\b",
    ),
    _sign(
        "jailbreak",
        0.6,
        "mode",
        r"[\"']?\b(?:mode|persona)[\"']?\s*[=:]\s*[\"']?(?:unrestricted|jailbreak|uncensored|developer|dan|god|unfiltered)\b",
    ),
    _sign(
        "jailbreak",
        0.6,
        "allow",
        r"[\"']?\ballow[-_](?:harmful|illegal|unsafe|everything|all)\w*[\"']?\s*[=:]\s*[\"']?(?:true|yes|on|1)\b",
    ),
)
_TURN = re.compile(
    r"^\W{0,4}(user|human|customer|q|question|assistant|ai|bot|a|answer|chatgpt|gpt)\W{0,3}\s*:", re.I | re.M
)
_ANSWERERS = frozenset({"assistant", "ai", "bot", "a", "answer", "chatgpt", "gpt"})
MANY = 8  # turns of an assistant in one message


def signs(text: str) -> Iterator[tuple[int, int, str, float]]:
    """Each form that is there, as a range with its label and score; two that only hint make one that is sure."""
    small = text.lower()
    found = [
        (match.start(), match.end(), sign.label, sign.score)
        for sign in SIGNS
        if sign.needle in small
        for match in sign.pattern.finditer(text)
    ]
    kinds = {(start, label) for start, _, label, score in found if label == "jailbreak" and score < 1}
    for start, end, label, score in found:
        yield start, end, label, 1.0 if label == "jailbreak" and len(kinds) > 1 else score
    if ":" in text and sum(turn[1].lower() in _ANSWERERS for turn in _TURN.finditer(text)) >= MANY:
        yield 0, len(text), "jailbreak", 0.6
