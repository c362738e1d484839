"""Holds what an answer states against the facts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

from safety.facts.index import Index
from safety.facts.numerals import numbers_in
from safety.facts.sources import Fact, stated
from safety.facts.values import ADDRESSES, PART, Value, agree, comparable, find_values
from safety.facts.words import words_of
from safety.facts.yes_no import claims

CONTRADICTED, ADDRESS, UNSUPPORTED = "contradicted", "address", "unsupported"
OF_PROMPT, OF_ANSWER = 0.9, 0.7  # what a word counts that is not in the claim's own sentence
LEAST = 0.1  # how much a fact must be about a claim to say anything about it
NEAR = 0.6  # what says the same must be about it so much as the best that says something else
ELSEWHERE = 0.8  # what is left of a contradiction to a fact that has no word of the claim's own sentence
SURE = 0.35  # from here on a fact counts more than that the person said the same


_CLAUSE = re.compile(r"[^\n]+?(?:[.!?;:](?=\s)|, (?=and |but |so )|$)", re.MULTILINE)


class Finding(NamedTuple):
    """A value at [start, end) of an answer that the facts do not say; `score` is how sure that is, in [0, 1]."""

    label: str
    score: float
    start: int
    end: int
    note: str = ""


@dataclass(frozen=True)
class Told:
    """What the model was told: `facts` of its system prompt, and the values, words and numbers of the message."""

    facts: Index | None
    said: tuple[Value, ...]
    words: tuple[str, ...]
    numbers: frozenset[float] = frozenset()
    prompt: str = ""


@lru_cache(maxsize=512)
def told(prompt: str, system: str) -> Told:
    """Read what came before an answer."""
    facts = stated(system, "the system prompt") if system else []
    known = Index(facts) if facts else None
    return Told(known, tuple(find_values(prompt)), tuple(words_of(prompt)), numbers_in(prompt), prompt)


def findings(answer: str, before: Told, index: Index | None) -> list[Finding]:
    """What an answer states that its sources do not."""
    before = replace(before, numbers=before.numbers | numbers_in(answer))
    sentences = [(match.start(), match[0]) for match in _CLAUSE.finditer(answer)]
    words = [words_of(text) for _, text in sentences]
    common = dict.fromkeys((word for found in words for word in found), OF_ANSWER)
    common |= dict.fromkeys(before.words, OF_PROMPT)
    found: list[Finding] = []
    for (start, text), own in zip(sentences, words, strict=True):
        values = find_values(text)
        if not values:
            continue
        query = common | dict.fromkeys(own, 1.0)
        judged = (_judged(value, query, frozenset(own), before, index) for value in values)
        found += [one._replace(start=one.start + start, end=one.end + start) for one in judged if one is not None]
    return found if index is None else [*found, *_denied(answer, before.prompt, index)]


def _denied(answer: str, prompt: str, index: Index) -> Iterator[Finding]:
    for start, end, words, denies in claims(answer, prompt):
        if (against := index.denials.against(words, denies)) is not None:
            score, fact = against
            note = f"says {answer[start:end]!r}; {fact.where} says: {fact.says!r}"
            yield Finding(CONTRADICTED, score, start, end, note)


def _judged(
    value: Value, query: Mapping[str, float], own: frozenset[str], before: Told, index: Index | None
) -> Finding | None:
    sources = [one for one in (before.facts, index) if one is not None]
    echoed = any(_agree(value, said) for said in before.said)
    if before.facts is not None and any(_says(fact, value) for fact in before.facts.facts):
        return None
    if value.kind in ADDRESSES:
        return None if echoed else _address(value, sources)
    best, against, agreed, known = 0.0, None, 0.0, False
    for score, fact in _comparable(value, query, sources):
        known = True
        if says := _says(fact, value) or _worked_out(value, fact, before.numbers):
            agreed = max(agreed, score * says)
        elif score > best:
            best, against = score, fact
    if agreed >= max(LEAST, NEAR * best):
        return None
    if against is None or best < LEAST or (echoed and best < SURE):
        named = value.kind not in ("count", "id") or known
        return Finding(UNSUPPORTED, 1.0, value.start, value.end) if named and not echoed else None
    if own.isdisjoint(words_of(f"{against.topic} {against.says}")):
        best *= ELSEWHERE
    return Finding(CONTRADICTED, best, value.start, value.end, _note(value, against))


def _comparable(value: Value, query: Mapping[str, float], sources: Sequence[Index]) -> Iterator[tuple[float, Fact]]:
    """The facts with a value like this one, and how much each is about the claim."""
    for source in sources:
        near = source.with_value_like(value)
        if len(near):
            scores = source.about(query)[near]
            yield from ((float(score), source.facts[number]) for number, score in zip(near, scores, strict=True))


def _says(fact: Fact, value: Value) -> float:
    return max((_agree(value, stated) for stated in fact.values), default=0.0)


def _agree(value: Value, stated: Value) -> float:
    return agree(value, stated) if comparable(value, stated) else 0.0


def _worked_out(value: Value, fact: Fact, numbers: frozenset[float]) -> float:
    """`PART` for a multiple of what the fact says, by numbers that were spoken of, as of three nights at 79 euros."""
    if value.kind not in ("money", "count"):
        return 0.0
    bases = [stated.low for stated in fact.values if stated.low and comparable(value, stated)]
    factors = {one * other for one in numbers for other in (1.0, *numbers)} - {1.0}
    return (
        PART if any(abs(value.low - base * times) < 0.005 * value.low for base in bases for times in factors) else 0.0
    )


def _address(value: Value, sources: Sequence[Index]) -> Finding | None:
    """An address is right or invented whatever it is about."""
    facts = [fact for source in sources for fact in source.facts]
    if any(_says(fact, value) for fact in facts) or _part_of_known(value, sources):
        return None
    known = next((fact for fact in facts if any(stated.kind == value.kind for stated in fact.values)), None)
    note = f"{value.text} stands in no source" if known is None else _note(value, known)
    return Finding(ADDRESS, 1.0, value.start, value.end, note)


def _part_of_known(value: Value, sources: Sequence[Index]) -> bool:
    """A site without a path is known where any address of it is."""
    if value.kind != "link" or "/" in value.unit:
        return False
    return any(value.unit in re.split(r"[@/]", known) for source in sources for known in source.addresses)


def _note(value: Value, fact: Fact) -> str:
    return f"says {value.text!r}; {fact.where} says: {fact.says!r}"
