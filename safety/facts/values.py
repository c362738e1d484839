"""Values in a text that can be compared: money, durations, shares, times, dates, addresses, numbers of things."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from safety.facts.numerals import NUMBER, number
from safety.facts.units import CURRENCIES, MEASURES, SECONDS, WORK_DAYS
from safety.facts.words import stem

ADDRESSES = frozenset({"email", "link", "phone"})
PART = 0.7


@dataclass(frozen=True, slots=True)
class Value:
    """`text` stands at [start, end); it is from `low` to `high` in the kind's base unit, seconds for a duration.

    `unit` says what only compares with its like: a currency, what is counted, or the address itself.
    """

    kind: str
    text: str
    start: int
    end: int
    low: float = 0.0
    high: float = 0.0
    unit: str = ""


def _flags(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


_TO = r"\s?(?:to|-|\u2013|\u2014|or|and)\s?"
_RANGE = rf"(?P<low>{NUMBER})(?:{_TO}(?P<high>{NUMBER}))?"
_SIGN = r"[\u20ac$\u00a3]|\b(?:EUR|USD|GBP|CHF)"
_COIN = rf"\u20ac|\$|\u00a3|(?:{'|'.join(sorted((c for c in CURRENCIES if c.isalpha()), key=len, reverse=True))})\b"
_DAY = r"(?:mon|tues|wednes|thurs|fri|satur|sun)days?"
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
    r"|nov(?:ember)?|dec(?:ember)?)"
)
_CLOCK = r"\d{1,2}(?:[:.]\d\d)?\s?[ap]\.?m\b\.?|\d{1,2}:\d\d\b|\bnoon\b|\bmidnight\b"
_TIME_UNIT = rf"(?:{'|'.join(sorted(SECONDS, key=len, reverse=True))})\b"

_A_NUMBER = _flags(NUMBER)
# In this order: what one has taken is not looked at by those after it.
_EMAIL = _flags(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_LINK = _flags(
    r"\b(?:https?://|www\.)[^\s<>\"')\]]+|\b[a-z0-9-]+(?:\.[a-z0-9-]+)*\.(?:com|org|net|io|shop|example)\b(?:/[^\s<>\"')\]]*)?"
)
_PHONE = re.compile(r"(?<![\w.:])(?:\+\d{1,3}[\s-]?|\(0\d+\)\s?|00?\d)\d*(?:[\s()/-]{1,2}\d{2,}){1,5}(?![\w:])")
_DATE = (
    _flags(r"\b(?P<y>\d{4})-(?P<m>\d\d)-(?P<d>\d\d)\b"),
    _flags(r"\b(?P<d>\d{1,2})\.(?P<m>\d{1,2})\.(?P<y>\d{4})\b"),
    _flags(rf"\b(?P<d>\d{{1,2}})(?:st|nd|rd|th)?(?: of)? (?P<name>{_MONTH})\b\.?(?:,? (?P<y>\d{{4}})\b)?"),
    _flags(rf"\b(?P<name>{_MONTH})\.? (?P<d>\d{{1,2}})(?:st|nd|rd|th)?\b(?:,? (?P<y>\d{{4}})\b)?"),
)
_TIMES = _flags(rf"(?P<low>{_CLOCK})(?:\s?(?:to|-|\u2013|and|until|till)\s?(?P<high>{_CLOCK}))?")
_WEEKDAYS = _flags(rf"\b(?P<low>{_DAY})(?:\s?(?:to|-|\u2013|through|until)\s?(?P<high>{_DAY}))?\b")
_MONEY = (
    _flags(rf"(?P<coin>{_SIGN})\s?{_RANGE.replace('(?P<high>', f'(?:{_SIGN})?(?P<high>')}"),
    _flags(rf"(?<![\w.,]){_RANGE}\s?(?P<coin>{_COIN})"),
    _flags(rf"(?<=free )(?:\w+ )?(?:above|over|from) (?P<low>{NUMBER})(?P<high>(?!))?(?P<coin>(?!))?(?![\w%])"),
)
_FREE = _flags(
    r"(?<!feel )(?<!-)\bfree\b(?! (?:to|time|again|from|up)\b)(?!-)|\bfor nothing\b|\bcosts? (?:you )?nothing\b"
    r"|\bnothing (?:more|extra)\b"
    r"|\b(?:no|without(?: any)?|at no) (?:extra |additional |further )?(?:charge|cost|fee)s?\b"
)
_SHARE = _flags(rf"(?<![\w.,]){_RANGE}\s?(?:%|per ?cent\b)")
_LAPSE = (
    _flags(
        rf"(?<![\w.,:]){_RANGE}(?:\s|-)?(?P<work>working |business |calendar |full |whole )?(?P<unit>{_TIME_UNIT})"
        r"(?!\s(?:a|per|each|every) (?:day|week|month|year))"
    ),
    _flags(
        r"\b(?:within|in|for|after|takes?|lasts?|about|least|only|than|to) (?P<low>half an?|an?)(?P<high>(?!))? "
        rf"(?P<work>working |business |full )?(?P<unit>{_TIME_UNIT})"
    ),
)
_NEXT = _flags(r"\b(?P<next>next(?: working| business)? day|tomorrow|overnight)\b|\b(?:the )?same day\b")
_ID = _flags(
    r"\b(?P<what>order|invoice|ticket|parcel|customer|booking|case)s?(?: number| no\.?| id)?\s?:?#?\s?(?P<id>\d{4,})\b"
)
_COUNT = _flags(
    rf"(?<![\w.,:/-]){_RANGE}(?: or more| or fewer| different| other| full| of (?:the|our|your))?(?:\s|-)?"
    r"(?P<what>[a-z\u00b0][a-z]*)"
)
_MARKER = re.compile(r"^\s*\d{1,2}[.)]\s", re.MULTILINE)
_NO_THINGS = frozenset(
    [
        "a",
        "an",
        "and",
        "or",
        "to",
        "of",
        "in",
        "on",
        "for",
        "from",
        "by",
        "at",
        "with",
        "the",
        "is",
        "are",
        "it",
        "as",
        "but",
        "so",
        "than",
        "that",
        "this",
        "these",
        "will",
        "if",
        "off",
        "more",
        "less",
        "per",
        "other",
        "others",
        "day",
        "one",
        "thing",
        "way",
        "time",
    ]
)


def find_values(text: str) -> list[Value]:
    """All values of a text, in their order; where two could be read, the more particular one is."""
    taken = [match.span() for match in _MARKER.finditer(text)]
    found: list[Value] = []
    for value in _all(text):
        if not any(value.start < end and start < value.end for start, end in taken):
            taken.append((value.start, value.end))
            found.append(value)
    return sorted(found, key=lambda value: value.start)


def comparable(claim: Value, source: Value) -> bool:
    """Whether two values are answers to the same kind of question."""
    same_unit = claim.kind not in ("count", "id") or claim.unit == source.unit
    return claim.kind == source.kind and same_unit


def agree(claim: Value, source: Value) -> float:
    """How well a source says what is claimed: 1 for the same, `PART` for a part of its range, 0 for something else.

    Between days and working days no difference is made that a careless writer would not make.
    """
    if claim.kind in ADDRESSES:
        return float(claim.unit == source.unit or (claim.kind == "phone" and _same_phone(claim.unit, source.unit)))
    if claim.kind in ("id", "date"):
        return float(_same_date(claim.unit, source.unit) if claim.kind == "date" else claim.low == source.low)
    if claim.kind == "weekday":
        claimed, stated = int(claim.low), int(source.low)
        return 1.0 if claimed == stated else 0.0 if claimed & ~stated else PART
    if claim.kind == "money" and claim.unit and source.unit and claim.unit != source.unit and claim.high:
        return 0.0
    found, stated_ranges = 0.0, _readings(source)
    for claimed_low, claimed_high in _readings(claim):
        for low, high in stated_ranges:
            if _close(claimed_low, low) and _close(claimed_high, high):
                return 1.0
            if low * 0.995 <= claimed_low and claimed_high <= high * 1.005:
                found = PART
    return found


def _close(one: float, other: float) -> bool:
    return abs(one - other) <= 0.005 * max(one, other)


def _readings(value: Value) -> tuple[tuple[float, float], ...]:
    """Its lowest and highest; of working days also as days."""
    said = value.low, value.high
    if value.kind != "duration" or value.unit != "work":
        return (said,)
    return said, (value.low * WORK_DAYS, value.high * WORK_DAYS)


def _all(text: str) -> Iterator[Value]:
    yield from _addresses(text)
    if any(letter.isdigit() for letter in text) or _WEEKDAYS.search(text):
        yield from _dates(text)
        yield from _moments(text)
    for match in _ID.finditer(text):
        number_of = float(match["id"])
        yield _value("id", match, number_of, number_of, stem(match["what"].lower()))
    numbered = _A_NUMBER.search(text) is not None  # most clauses have none, and most of these patterns need one
    yield from _sums(text, numbered)
    if numbered:
        for match in _SHARE.finditer(text):
            yield _value("percent", match, *_bounds(match))
    yield from _lapses(text, numbered)
    if numbered:
        yield from _counts(text)


def _addresses(text: str) -> Iterator[Value]:
    if "@" in text:
        for match in _EMAIL.finditer(text):
            yield _value("email", match, unit=match[0].lower())
    if "." in text:
        for match in _LINK.finditer(text):
            address = match[0].rstrip(".,;:!?")
            plain = re.sub(r"^(?:https?://)?(?:www\.)?", "", address.lower()).rstrip("/")
            yield Value("link", address, match.start(), match.start() + len(address), unit=plain)
    for match in _PHONE.finditer(text):
        digits = re.sub(r"\D", "", match[0])
        if len(digits) >= 6:
            yield _value("phone", match, unit=digits)


def _dates(text: str) -> Iterator[Value]:
    for pattern in _DATE:
        for match in pattern.finditer(text):
            parts = match.groupdict()
            month = int(parts["m"]) if parts.get("m") else _MONTHS.index(parts["name"].lower()[:3]) + 1
            yield _value("date", match, unit=f"{parts['y'] or ''}-{month}-{int(parts['d'])}")


def _moments(text: str) -> Iterator[Value]:
    for match in _TIMES.finditer(text):
        low = _minutes(match["low"])
        yield _value("time", match, low, _minutes(match["high"]) if match["high"] else low)
    for match in _WEEKDAYS.finditer(text):
        first = _DAYS.index(match["low"].lower()[:3])
        last = _DAYS.index(match["high"].lower()[:3]) if match["high"] else first
        days = sum(1 << (first + step) % 7 for step in range((last - first) % 7 + 1))
        yield _value("weekday", match, days, days)


def _sums(text: str, numbered: bool) -> Iterator[Value]:
    for pattern in _MONEY if numbered else ():
        for match in pattern.finditer(text):
            code, part = CURRENCIES.get((match["coin"] or "").strip().lower(), ("", 1.0))
            low, high = _bounds(match)
            yield _value("money", match, low * part, high * part, code)
    for match in _FREE.finditer(text):
        yield _value("money", match)


def _lapses(text: str, numbered: bool) -> Iterator[Value]:
    for pattern in _LAPSE if numbered else _LAPSE[1:]:
        for match in pattern.finditer(text):
            seconds = SECONDS[match["unit"].lower()]
            low, high = _bounds(match)
            unit = "work" if (match["work"] or "").lower().startswith(("work", "bus")) else ""
            start = match.start("low")
            yield Value("duration", text[start : match.end()], start, match.end(), low * seconds, high * seconds, unit)
    for match in _NEXT.finditer(text):
        days = SECONDS["day"] if match["next"] else 0.0
        yield _value("duration", match, days, days, "work" if "working" in match[0] else "")


def _counts(text: str) -> Iterator[Value]:
    for match in _COUNT.finditer(text):
        what = match["what"].lower()
        if what in _NO_THINGS or (len(what) < 3 and what not in MEASURES):
            continue
        unit, factor = MEASURES.get(what, (stem(what), 1.0))
        low, high = _bounds(match)
        yield _value("count", match, low * factor, high * factor, unit)


def _value(kind: str, match: re.Match[str], low: float = 0.0, high: float = 0.0, unit: str = "") -> Value:
    return Value(kind, match[0], match.start(), match.end(), low, high, unit)


def _bounds(match: re.Match[str]) -> tuple[float, float]:
    low = number(match["low"])
    high = number(match["high"]) if match["high"] else low
    return min(low, high), max(low, high)


def _minutes(clock: str) -> float:
    said = clock.lower().replace(" ", "")
    if said in ("noon", "midnight"):
        return 720.0 if said == "noon" else 0.0
    hours, minutes = ([int(part) for part in re.findall(r"\d+", said)] + [0])[:2]
    half = 12 if "p" in said and hours < 12 else -12 if "a" in said and hours == 12 else 0
    return 60.0 * (hours + half) + minutes


def _same_phone(one: str, other: str) -> bool:
    return one[-7:] == other[-7:]  # with or without the country's code


def _same_date(one: str, other: str) -> bool:
    (year, *day), (other_year, *other_day) = one.split("-"), other.split("-")
    return day == other_day and (not year or not other_year or year == other_year)
