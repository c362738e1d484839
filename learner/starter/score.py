"""Is an answer right? Facts that must be stated, and anything stated that the world does not know."""

from __future__ import annotations

import re
from dataclasses import dataclass

from learner.starter.order import WEEKDAYS, Order, load_states
from learner.starter.world import REFUSALS, load_world

_WORDS = {
    "one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7", "eight": "8",
    "nine": "9", "ten": "10", "twelve": "12", "fourteen": "14", "fifteen": "15", "twenty": "20", "thirty": "30",
    "forty": "40", "fifty": "50", "sixty": "60", "ninety": "90", "hundred": "100",
}  # fmt: skip
_UNIT = (
    r"(?:working |business |of )?(?:days?|weeks?|months?|years?|hours?|minutes?|euros?|percent|tries|instalments?"
    r"|items?|points?|degrees)"
)
_NUMBER_WORD = re.compile(rf"\b({'|'.join(_WORDS)})(?= (?:(?:to|or|and) \S+ )?{_UNIT}\b)")
_NUMBER = re.compile(r"(?<![\w.])\d+(?:[.:]\d+)*")
_MARKER = re.compile(r"^\s*\d\. ", re.MULTILINE)
_STATE = (
    r"received|being packed|packed|shipped|sent|out for delivery|delivered|delayed|cancelled|returned|on its way|lost"
)
_CLAIM = re.compile(
    rf"(?P<before>\w+)?[ ,.]*\b(?:your|the) (?:order|parcel|package|purchase)(?: number)?(?: \d+)?,? "
    rf"(?:is|was|has been|got|will be)(?: \w+)? (?P<state>{_STATE})\b"
)
_CONDITION = frozenset({"until", "if", "when", "once", "before", "after", "whether", "as", "soon", "that", "while"})
_DESK = re.compile(
    r"fernway|shop|help|ask|order|deliver|return|question|know|information|understand|rephrase|tell|thank|sorry|say"
    r"|talk|person|afraid|team|website|product|desk|guess|trust|danger|hurt|program|find out|look|answer|time|get that"
)


@dataclass(frozen=True)
class Score:
    """`right` when nothing is missing and nothing is invented; both lists are in the words of the world."""

    right: bool
    missing: list[str]
    invented: list[str]


def _normal(text: str) -> str:
    text = _MARKER.sub("", text.replace("\u2019", "'")).lower()
    text = text.replace("%", " percent").replace("\u20ac", " euros ").replace("pickup", "pick-up")
    text = _NUMBER_WORD.sub(lambda match: _WORDS[match[1]], text)
    text = re.sub(r"(?<=\d)\s*[-\u2013]\s*(?=\d)", " to ", text)
    text = re.sub(
        r"\b(one|two|three|four|five|six|seven|eight) to (?=\d)", lambda match: _WORDS[match[1]] + " to ", text
    )
    return re.sub(r"[ \t]+", " ", text)


def _states(fact: str, text: str) -> bool:
    return re.search(rf"(?<![\w.]){re.escape(_normal(fact).strip())}(?!\d)", text) is not None


def _invented_numbers(text: str, allowed: str) -> list[str]:
    known = set(_NUMBER.findall(_normal(allowed)))
    return [n for n in _NUMBER.findall(text) if n not in known]


def _invented_days(text: str, allowed: str) -> list[str]:
    days = (day.lower() for day in WEEKDAYS)
    return [day for day in days if re.search(rf"\b{day}", text) and day not in allowed.lower()]


def _claimed_states(text: str) -> list[str]:
    claims = (match for match in _CLAIM.finditer(text) if (match["before"] or "") not in _CONDITION)
    return [f"order state: {match['state']}" for match in claims]


def _off_topic(text: str) -> list[str]:
    sentences = (part.strip() for part in re.split(r"(?<=[.!?:])\s+|\n", text))
    return [s for s in sentences if len(s.split()) > 2 and not _DESK.search(s)]


def _score_order(text: str, order: Order) -> Score:
    states = load_states()
    state = states[order.state]
    missing = [fact for fact in (state.mark, *state.dates(order)) if not _states(fact, text)]
    others = [s.mark for s in states.values() if s.mark != state.mark and _states(s.mark, text)]
    allowed = f"{order.number} {order.day} {order.when}" if state.dates(order) else order.number
    invented = _invented_numbers(text, allowed) + _invented_days(text, allowed) + others
    return Score(not missing and not invented, missing, invented)


def score(intent: str, answer: str, order: Order | None = None) -> Score:
    """Score `answer` to `intent` (or `intent.kind`, a follow-up) against the world.

    Invented is: a number or a weekday which the intent does not allow, the state of an order unless `order` was in
    the system message, and in a refusal any sentence that is not about the help desk.
    """
    text = _normal(answer)
    if order is not None and intent == "order_status":
        return _score_order(text, order)
    world = load_world()
    missing = [fact[0] for fact in world.facts(intent) if not any(_states(option, text) for option in fact)]
    allowed = world.allowed(intent)
    invented = _invented_numbers(text, allowed) + _invented_days(text, allowed) + _claimed_states(text)
    if intent in REFUSALS:
        invented += _off_topic(text)
    return Score(not missing and not invented, missing, invented)
