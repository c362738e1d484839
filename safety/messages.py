"""What a person is told when the screen stops something, in their language where it is known."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

FILE = Path(__file__).with_name("messages.toml")
FALLBACK = "en"
HELP = "self-harm"  # categories that begin so are met with help, not with a refusal
_RANGE = re.compile(r"\s*([A-Za-z]{1,8})(?:-[A-Za-z0-9-]*)?\s*(?:;\s*q\s*=\s*([0-9.]+))?\s*")


@dataclass(frozen=True)
class Told:
    """`text` is in `language`, an ISO 639-1 code."""

    text: str
    language: str


def told(role: Literal["input", "output"], category: str = "", accept_language: str = "") -> Told:
    """What stands in place of a message or an answer of this category that was stopped.

    `accept_language` is a header of HTTP, such as `de-CH, fr;q=0.8`.
    """
    texts = _texts()
    languages = texts["help" if category.startswith(HELP) else role]
    wanted = next((language for language in _wanted(accept_language) if language in languages), FALLBACK)
    return Told(languages[wanted], wanted)


def _wanted(header: str) -> list[str]:
    """The languages of the header, the most wanted first."""
    ranges = [match for part in header[:1000].split(",") if (match := _RANGE.fullmatch(part)) is not None]
    weighed = [(_weight(match[2]), match[1].lower()) for match in ranges]
    return [language for weight, language in sorted(weighed, key=lambda pair: -pair[0]) if weight > 0]


def _weight(given: str | None) -> float:
    try:
        return float(given or 1)
    except ValueError:
        return 0.0


@cache
def _texts() -> Mapping[str, Mapping[str, str]]:
    return tomllib.loads(FILE.read_text(encoding="utf-8"))
