"""What a text states that could be wrong: names, numbers, links and addresses; and what the model says by itself."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache, lru_cache
from pathlib import Path

from analytics import Store, Turn
from learner.trust.dictated import dictates
from learner.trust.record import Answered, Record

NEWEST = 200  # answers that are looked at for one claim
KNOWN_PEOPLE = 5  # who were told something unasked; then it is what the model says anyway
_LINK = re.compile(  # every part has a longest length, or a long text of dots would take quadratic time
    r"(?:https?://|www\.)[^\s<>()\"']{1,500}|\b[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,5}"
    r"|\b[\w-]{1,63}(?:\.[\w-]{1,63}){0,5}\.[a-z]{2,24}/\S{0,500}",
    re.I,
)
_MARKER = re.compile(r"^[ \t]*\d+[.)][ \t]+", re.MULTILINE)
_SPELT = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen twenty"
)
_TENS = {"thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90, "hundred": 100}
_NUMBERS = {word: str(number) for number, word in enumerate(_SPELT.split())} | {w: str(n) for w, n in _TENS.items()}
_UNIT = (
    r"(?:seconds?|minutes?|hours?|days?|weeks?|months?|years?|euros?|eur|dollars?|usd|pounds?|gbp|cents?|percent|points?"
    r"|items?|kg|grams?|km|met(?:er|re)s?|cm|mm|lit(?:er|re)s?|degrees?)"
)
_COUNTED = rf"(?:working |business |calendar )?{_UNIT}\b"
_NUMBER_WORD = re.compile(
    rf"\b({'|'.join(_NUMBERS)})(?=(?: (?:to|or|and|hundred|thousand) \S+)?[ -]{_COUNTED})", re.IGNORECASE
)
_NUMBER = re.compile(
    rf"(?<![\w.])([€$£])?\s?(\d+(?:[.,:]\d+)*)(?:\s?([€$£%])|[ -](?:(?:working|business|calendar) )?({_UNIT})\b)?",
    re.IGNORECASE,
)
_NAME = re.compile(r"(?<![.!?:;\n\"“(>*•-]\s)(?<![.!?:;\n\"“(>*•-])(?<!^)\b[A-Z][\w'&]*(?:[ -][A-Z][\w'&]*)*")
_SIGNS = {"€": "euro", "$": "dollar", "£": "pound", "%": "percent"}
_NO_NAMES = frozenset({"I", "I'm", "I'd", "I'll", "I've", "OK", "Ok"})


def claims(text: str) -> set[str]:
    """The links, addresses, numbers with what they count, and names in a text, in small letters.

    A word that begins a sentence is no name: nobody can tell whether it is one.
    """
    return set(_claims(text))


@lru_cache(maxsize=1 << 14)
def _claims(text: str) -> frozenset[str]:
    text = text.replace("’", "'")
    found = {match.rstrip(".,;:!?").lower() for match in _LINK.findall(text)}
    rest = _MARKER.sub("\n", _LINK.sub(lambda match: match[0][len(match[0].rstrip(".,;:!?")) :], text))
    found |= _numbers(rest)
    for name in _NAME.findall(rest):
        words = [word for word in re.split(r"[ -]", name) if word not in _NO_NAMES]
        found |= {word.lower() for word in words}
    return frozenset(found)


def _numbers(text: str) -> set[str]:
    spelt = _NUMBER_WORD.sub(lambda match: _NUMBERS[match[1].lower()], text)
    found = set()
    for before, number, sign, unit in _NUMBER.findall(spelt):
        counted = _SIGNS.get(before or sign, "") or unit.lower().removesuffix("s")
        found.add(f"{number.rstrip('.,:')} {counted}".strip())
    return found


def stated(claim: str, text: str) -> bool:
    """Whether a text has the claim: a name in any place, a number with what it counts or, for one alone, any such."""
    if not claim[0].isdigit():
        # Most texts have it nowhere, and to compile a pattern for each claim takes longer than to look.
        return claim in text.lower() and re.search(rf"(?<!\w){re.escape(claim)}(?!\w)", text.lower()) is not None
    found = claims(text)
    return claim in found or (" " not in claim and any(other.startswith(f"{claim} ") for other in found))


def new_claims(text: str, known: Sequence[str]) -> set[str]:
    """The claims of a text that none of the texts in `known` has."""
    return {claim for claim in claims(text) if not any(stated(claim, other) for other in known)}


@cache
def operators_terms(path: str) -> str:
    """The content of the file in which an operator lists what may be named; nothing without one."""
    return Path(path).expanduser().read_text(encoding="utf-8") if path else ""


def newly_named(store: Store, turn: Turn, answer: str, rewrite: str, terms: str) -> set[str]:
    """What a rewrite names that neither the question nor the answer has, nor the operator's file nor the model."""
    asked = [str(message.get("content")) for message in turn.messages]
    return {
        claim
        for claim in new_claims(rewrite, [*asked, answer, operators_terms(terms)])
        if not Vocabulary(Record(datetime.now(UTC), answered=_answers_with(store, claim))).knows(claim)
    }


def _answers_with(store: Store, claim: str) -> list[Answered]:
    """The newest answers that may state the claim. One that spells a number out is not found: then a reviewer looks."""
    rows = store.rows(
        "SELECT turn.person, turn.messages, reply.completion FROM reply JOIN turn USING (turn_id) "
        "WHERE contains(lower(reply.completion), ?) ORDER BY turn.seq DESC LIMIT ?",
        (claim.split()[0], NEWEST),
    )
    return [Answered(row["person"], tuple(row["messages"]), row["completion"]) for row in rows]


@lru_cache(maxsize=1)
def vocabulary(record: Record) -> Vocabulary:
    """What the model says by itself, as the record has it."""
    return Vocabulary(record)


class Vocabulary:
    """What the model says by itself: to enough people, none of whom had put it into their question."""

    def __init__(self, record: Record) -> None:
        self._people: defaultdict[str, set[str]] = defaultdict(set)
        for person, prompt, answer in record.answered:
            found = claims(answer)
            if not found or dictates(prompt) is not None:
                continue
            asked = "\n".join(str(message.get("content")) for message in prompt)
            for claim in found:
                if not stated(claim, asked):
                    self._people[claim].add(person)

    def knows(self, claim: str) -> bool:
        """Whether the model says so anyway."""
        return len(self._people.get(claim, ())) >= KNOWN_PEOPLE
