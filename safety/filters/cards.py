"""Takes card numbers out of a text before anybody stores or repeats them."""

from __future__ import annotations

import re

from safety.filter import Context, Setup
from safety.policy import bundled_rules
from safety.verdict import ALLOWED, Span, Verdict

_DIGITS = re.compile(r"\d(?<!\d\d)(?<!\d\.\d)(?:[ -]?\d){12,}(?!\.?\d)")
_GROUP = re.compile(r"\d+")
_TAIL = re.compile(r"[ .-]?\d(?:[ .-]?\d)*")  # of a text that is read from its end
LABEL = "card number"
_LENGTHS = range(13, 20)  # digits of a card number
_GROUPS = 5  # that a card number is written in, at most
_LONGEST_GROUP = 7  # digits of each, where there are several


class Cards:
    """Finds card numbers by their length, their first digit and Luhn's checksum."""

    version, quick = "3", True

    def __init__(self, setup: Setup | None = None) -> None:
        self.id, self.rules = (setup.name, setup.rules) if setup else ("cards", bundled_rules("cards"))

    def check(self, text: str, context: Context) -> Verdict:
        """Find what is to be taken out."""
        spans = [Span(*place, LABEL) for run in _DIGITS.finditer(text) for place in _cards(run)]
        return self.rules.verdict(context.role, {LABEL: 1.0}, spans) if spans else ALLOWED

    def undecided(self, text: str, context: Context) -> int:
        """The first group of digits at the end from which a card number may yet be written."""
        tail = _TAIL.match(text[::-1])
        begin = len(text) if tail is None else len(text) - tail.end()
        first, digits = len(text), 0
        for group in reversed([*_GROUP.finditer(text, begin)][-_GROUPS:]):
            digits += len(group[0])
            if digits >= _LENGTHS.stop:
                break
            first = group.start()
        return first


def _cards(run: re.Match[str]) -> list[tuple[int, int]]:
    """The card numbers in a run of digits, where date and code may stand beside them; those that overlap are one."""
    groups = [(run.start() + group.start(), run.start() + group.end()) for group in _GROUP.finditer(run[0])]
    cards: list[tuple[int, int]] = []
    for number, (start, _) in enumerate(groups):
        for _, end in groups[number : number + _GROUPS]:
            if (
                end > groups[number][1]
                and max(stop - begin for begin, stop in groups[number : number + _GROUPS] if stop <= end)
                > _LONGEST_GROUP
            ):
                break
            if not _is_card(run.string[start:end]):
                continue
            if cards and start < cards[-1][1]:
                cards[-1] = cards[-1][0], max(end, cards[-1][1])
            else:
                cards.append((start, end))
    return cards


def _is_card(number: str) -> bool:
    digits = [int(letter) for letter in number if letter.isdigit()][::-1]
    if len(digits) not in _LENGTHS or digits[-1] not in range(2, 7):
        return False
    if len(digits) == min(_LENGTHS) and digits[-1] != 4:
        return False  # so short are only Visa's
    doubled = [2 * digit - 9 * (digit > 4) for digit in digits[1::2]]
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0
