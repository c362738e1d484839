"""What has the form of something else: turns that nobody took, templates, settings, and text in a code."""

from __future__ import annotations

import base64
import binascii
import codecs
import re
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import unquote

from safety.morse import LETTERS_OF_MORSE

LONGEST = 20_000  # characters of a code that are read
_LONG, _MANY, _SHORT = 20, 6, (2, 8)  # characters of a word; signs; characters of bytes that stand apart
_LEGIBLE = 0.9  # of what was decoded


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

_BASE64 = re.compile(r"(?<![A-Za-z0-9+/=_-])[A-Za-z0-9+/_-]{20,}={0,2}(?![A-Za-z0-9+/=_-])")
_HEX = re.compile(r"(?<![0-9A-Za-z])(?:(?:0x|\\x)?[0-9A-Fa-f]{2}[ :,]?){12,}(?![0-9A-Za-z])")
_PERCENT = re.compile(r"(?:[A-Za-z0-9+._-]{0,3}%[0-9A-Fa-f]{2}){6,}[A-Za-z0-9+._-]*")
_ENTITIES = re.compile(r"(?:&#x?[0-9A-Fa-f]{2,5};){6,}")
_BINARY = re.compile(r"(?<!\d)(?:[01]{8}[ ,]?){6,}(?!\d)")
_MORSE = re.compile(r"(?<![.\w/-])[.-]{1,6}(?:(?: / | {1,3}|/)[.-]{1,6}){8,}(?![.\w/-])")
_COMMON = frozenset((
    "the", "and", "you", "all", "how", "ignore", "to", "me", "my", "your", "is", "of", "make", "previous",
    "instructions", "what", "tell", "for", "that", "this", "with", "are", "not",
))  # fmt: skip
_ROT13 = frozenset(codecs.encode(word, "rot13") for word in _COMMON)
_REVERSED = frozenset(word[::-1] for word in _COMMON if word[::-1] not in _COMMON)


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


def may_be_code(text: str) -> bool:
    """Whether something in the text may be a code; cheaper than to look for it."""
    words = text.split()
    if max(map(len, words), default=0) >= _LONG or text.count("%") >= _MANY or text.count("&#") >= _MANY:
        return True
    if (
        text.count(".") + text.count("-") > len(text) // 4
        or sum(len(word) in _SHORT for word in words) >= len(words) // 2
    ):
        return True
    several = set(text.lower().split())
    return not several.isdisjoint(_ROT13) or not several.isdisjoint(_REVERSED)


def decoded(text: str) -> Iterator[tuple[int, int, str]]:
    """What legible text is hidden in a code, with the range of the code."""
    for pattern, read in (
        (_BASE64, _from_base64),
        (_HEX, _from_hex),
        (_PERCENT, unquote),
        (_ENTITIES, _from_entities),
        (_BINARY, _from_binary),
        (_MORSE, _from_morse),
    ):
        for match in pattern.finditer(text[:LONGEST]):
            plain = read(match[0])
            if plain != match[0] and _legible(plain):
                yield *match.span(), plain
    words = [word.strip(".,:;!?\"'()").lower() for word in text[:LONGEST].split()]
    if sum(word in _ROT13 for word in words) >= 2:
        yield 0, len(text), codecs.encode(text[:LONGEST], "rot13")
    if sum(word in _REVERSED for word in words) >= 2:
        yield 0, len(text), text[:LONGEST][::-1]
        yield 0, len(text), " ".join(word[::-1] for word in text[:LONGEST].split())


def _from_base64(run: str) -> str:
    run = run.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(run + "=" * (-len(run) % 4)).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return ""


def _from_hex(run: str) -> str:
    digits = re.sub(r"0x|\\x|[ :,]", "", run)
    return bytes.fromhex(digits[: len(digits) // 2 * 2]).decode("utf-8", "replace")


def _from_entities(run: str) -> str:
    codes = re.findall(r"&#(x?)([0-9A-Fa-f]+);", run)
    numbers = [int(code, 16 if base else 10) for base, code in codes if base or code.isdigit()]
    return "".join(chr(number) for number in numbers if number < 0x11000)


def _from_binary(run: str) -> str:
    return bytes(int(octet, 2) for octet in re.findall(r"[01]{8}", run)).decode("utf-8", "replace")


def _from_morse(run: str) -> str:
    words = re.split(r" ?/ ?| {2,}", run)
    return " ".join("".join(LETTERS_OF_MORSE.get(letter, "") for letter in word.split(" ")) for word in words)


def _legible(text: str) -> bool:
    return len(text) >= 8 and sum(
        letter.isalnum() or letter.isspace() or letter in ".,:;!?'\"-()" for letter in text
    ) > (_LEGIBLE * len(text))
