"""Takes card numbers and access keys out of a text before anybody stores or repeats them."""

from __future__ import annotations

import re

from safety.verdict import Context, Decision, Finding

_CARD = re.compile(r"(?<![\d.])\d(?:[ -]?\d){12,18}(?![\d.])")
_KEYS = re.compile(
    r"\b(?:sk-[A-Za-z0-9_-]{20,}|gh[pousr]_[A-Za-z0-9]{30,}|AKIA[0-9A-Z]{16}|xox[abprs]-[A-Za-z0-9-]{10,})"
)


class Secrets:
    """Finds card numbers by Luhn's checksum and access keys by their published prefixes."""

    id, version, threshold, quick = "secrets", "1", 1.0, True

    def check(self, text: str, context: Context) -> Finding:
        """TRANSFORM when there is something to take out."""
        cards = [match.span() for match in _CARD.finditer(text) if _luhn(match[0])]
        keys = [match.span() for match in _KEYS.finditer(text)]
        if not cards and not keys:
            return Finding(Decision.ALLOW)
        return Finding(
            Decision.TRANSFORM, "card number" if cards else "access key", 1.0, tuple(sorted([*cards, *keys]))
        )

    def replacement(self, category: str) -> str:
        """The kind of thing that was there."""
        return f"[{category}]"


def _luhn(number: str) -> bool:
    digits = [int(letter) for letter in number if letter.isdigit()][::-1]
    doubled = [2 * digit - 9 * (digit > 4) for digit in digits[1::2]]
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0
