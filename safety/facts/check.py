"""Holds what an answer states against the facts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from safety.facts.index import Index
from safety.facts.sources import Fact, stated
from safety.facts.values import ADDRESSES, Value, agree, find_values
from safety.facts.words import words_of

CONTRADICTED, ADDRESS, UNSUPPORTED = "contradicted", "address", "unsupported"
OF_PROMPT, OF_ANSWER = 0.6, 0.3  # what a word counts that is not in the claim's own sentence
LEAST = 0.2  # how much a fact must be about a claim to say anything about it
NEAR = 0.55  # what says the same must be about it so much as the best that says something else
SURE = 0.6  # from here on a fact counts more than that the person said the same
_SENTENCE = re.compile(r"[^\n]+?(?:[.!?;](?=\s)|$|\n)", re.MULTILINE)
_BEGINNING = re.compile(r"^\W*\d{1,2}[.)]\s")


class Finding(NamedTuple):
    """A value at [start, end) of an answer that the facts do not say; `score` is how sure that is, in [0, 1]."""

    label: str
    score: float
    start: int
    end: int
    note: str = ""


@dataclass(frozen=True)
class Told:
    """What the model was told: `facts` of its system prompt, and the values that the person's message has."""

    facts: Index | None
    said: tuple[Value, ...]
    words: tuple[str, ...]


@lru_cache(maxsize=512)
def told(prompt: str, system: str) -> Told:
    """Read what came before an answer."""
    facts = stated(system, "the system prompt") if system else []
    return Told(Index(facts) if facts else None, tuple(find_values(prompt)), tuple(words_of(prompt)))


def findings(answer: str, before: Told, index: Index | None) -> list[Finding]:
    """What an answer states that its sources do not."""
    sentences = [(match.start(), match[0]) for match in _SENTENCE.finditer(answer)]
    words = [words_of(text) for _, text in sentences]
    common = dict.fromkeys((word for found in words for word in found), OF_ANSWER)
    common |= dict.fromkeys(before.words, OF_PROMPT)
    found: list[Finding] = []
    for (start, text), own in zip(sentences, words, strict=True):
        values = find_values(text)
        if not values:
            continue
        query = common | dict.fromkeys(own, 1.0)
        judged = (_judged(value, query, before, index) for value in values)
        found += [one._replace(start=one.start + start, end=one.end + start) for one in judged if one is not None]
    return found


def _judged(value: Value, query: Mapping[str, float], before: Told, index: Index | None) -> Finding | None:
    sources = [one for one in (before.facts, index) if one is not None]
    echoed = any(value.kind == said.kind and agree(value, said) for said in before.said)
    if before.facts is not None and _states(before.facts.facts, value):
        return None
    if value.kind in ADDRESSES:
        return None if echoed else _address(value, sources)
    best, against, agreed, known = 0.0, None, 0.0, False
    for source in sources:
        near = source.with_value_like(value)
        known = known or bool(len(near))
        scores = source.about(query)[near] if len(near) else ()
        for number, score in zip(near, scores, strict=True):
            if score < LEAST and score <= agreed:
                continue
            fact = source.facts[number]
            if _states((fact,), value):
                agreed = max(agreed, float(score))
            elif score > best:
                best, against = float(score), fact
    if agreed >= NEAR * best and agreed >= LEAST:
        return None
    if against is None or best < LEAST or (echoed and best < SURE):
        counted = value.kind not in ("count", "id") or known
        return Finding(UNSUPPORTED, 1.0, value.start, value.end) if counted and not echoed else None
    return Finding(CONTRADICTED, min(1.0, best), value.start, value.end, _note(value, against))


def _states(facts: Sequence[Fact], value: Value) -> bool:
    return any(
        stated.kind == value.kind and (value.kind != "count" or stated.unit == value.unit) and agree(value, stated)
        for fact in facts
        for stated in fact.values
    )


def _address(value: Value, sources: Sequence[Index]) -> Finding | None:
    """An address is right or invented whatever it is about."""
    facts = [fact for source in sources for fact in source.facts]
    if _states(facts, value) or _part_of_known(value, sources):
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
