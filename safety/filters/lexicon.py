"""Finds turns of phrase from a TOML file in every spelling of a text.

[words]                             # parts that patterns name as <NAME>
bomb = "(?:pipe bombs?|bombs?)"

[input.weapons]                     # role and label
sure = ["how to make ~ <bomb>"]     # with score 1
likely = []                         # with score 0.6

A pattern is a regular expression in small letters without accents that begins with a word and ends with one. In it a
space stands for whatever separates two words of a sentence, `~` for up to 40 characters of the same sentence, and an
apostrophe may be missing.
"""

from __future__ import annotations

import string
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache, cached_property, lru_cache
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import regex

from safety.filter import Context, Setup
from safety.filters.forms import PREFIX, Form, forms, words
from safety.policy import ROLES, bundled_rules
from safety.rules import Rules
from safety.verdict import ALLOWED, Span, Verdict

SCORES: Mapping[str, float] = {"sure": 1.0, "likely": 0.6}
_AHEAD = 32  # characters after a match on which it may depend
_ENDS = " '-,:"  # what may follow a word
_PAIRS, _LONGEST_PAIR = 20_000, 40  # pairs of words that are remembered; characters of one
_FIRST = string.ascii_lowercase + string.digits
_APART, _GAP = r"(?:[^\w.!?']{1,12})", r"[^\w.!?](?:[^.!?]{0,39}[^\w.!?])?"
_TOGETHER, _TIGHT_GAP = r"(?:[^\w.!?']{0,12})", r"[^.!?]{0,40}"


class Finding(NamedTuple):
    """A range of the text with its label and the score of its pattern."""

    start: int
    end: int
    label: str
    score: float


class Phrase:
    """One pattern, made ready when a word first calls for it, also as it looks where the words stand together."""

    def __init__(self, label: str, score: float, pattern: str) -> None:
        self.label, self.score, self._pattern = label, score, pattern
        self.looks = "(?=" in pattern  # a partial match does not wait for what it has to see
        self.ahead = _AHEAD if "(?!" in pattern or self.looks else 0
        self.prefixes = _prefixes(_compiled(_head(pattern), _APART))

    @cached_property
    def loose(self) -> regex.Pattern[str]:
        """As it is written."""
        return _compiled(self._pattern, _APART)

    @cached_property
    def tight(self) -> regex.Pattern[str]:
        """Where words may stand together."""
        return _compiled(self._pattern, _TOGETHER)


class Lexicon:
    """The patterns of one role, by the first letters of the words that they can begin with."""

    def __init__(self, phrases: Sequence[Phrase]) -> None:
        self._by_prefix: dict[str, list[Phrase]] = {}
        for phrase in phrases:
            for prefix in phrase.prefixes:
                self._by_prefix.setdefault(prefix, []).append(phrase)
        self._begun_by: dict[str, Sequence[Phrase]] = {}
        self._calls = lru_cache(maxsize=8)(self._called)

    def find(self, text: str) -> list[Finding]:
        """What matches, in any spelling."""
        found = {
            Finding(*form.span(*match.span()), phrase.label, phrase.score)
            for form in forms(text, False)
            for start, phrase, pattern in self._calls_of(form)
            if (match := pattern.match(form.text, start)) is not None
        }
        return sorted(found) if found else []

    def undecided(self, text: str) -> int:
        """Where the first match begins that the end of the text cuts off; its length if none is."""
        return min((self._begun(form) for form in forms(text, True)), default=len(text))

    def _begun(self, form: Form) -> int:
        end = len(form.text)
        begun = [
            start
            for start, phrase, pattern in self._calls_of(form)
            if (match := pattern.match(form.text, start, partial=True)) is not None
            and match.end() + phrase.ahead >= end
        ]
        return form.place(min(begun, default=end))

    def _calls_of(self, form: Form) -> Iterable[tuple[int, Phrase, regex.Pattern[str]]]:
        """Which phrase to try where: as it is written where a word begins, and tight where letters were joined."""
        if not form.starts:
            return self._calls(form.text)
        tight = (
            (start, phrase, phrase.tight)
            for start in form.starts
            for phrase in self._by_prefix.get(form.text[start], ())
        )
        return chain(self._calls(form.text), tight)

    def _called(self, text: str) -> Sequence[tuple[int, Phrase, regex.Pattern[str]]]:
        by_prefix, begun_by = self._by_prefix, self._begun_by
        calls: list[tuple[int, Phrase, regex.Pattern[str]]] = []
        found = words(text)
        last = len(found) - 2
        for number, (start, first) in enumerate(found):
            if first not in by_prefix:
                continue
            if number < last:
                pair = text[start : found[number + 2][0]]
                begun = begun_by.get(pair)
                if begun is None:
                    begun = self._learn(pair, by_prefix[first])
            else:
                begun = by_prefix[first]
            for phrase in begun:
                calls.append((start, phrase, phrase.loose))
        return calls

    def _learn(self, pair: str, phrases: Sequence[Phrase]) -> Sequence[Phrase]:
        """Which phrases may begin with these two words, which is kept: the same words come again and again."""
        if len(self._begun_by) >= _PAIRS:
            self._begun_by.clear()
        begun = tuple(one for one in phrases if one.looks or one.loose.match(pair, partial=True) is not None)
        if len(pair) <= _LONGEST_PAIR:
            self._begun_by[pair] = begun
        return begun


class Phrases:
    """A filter of phrases; the file of a subclass has one table of labels for each role."""

    version, quick, decodes = "5", True, True
    name: str
    file: Path

    def __init__(self, setup: Setup | None = None) -> None:
        self.id, self.rules = (setup.name, setup.rules) if setup else (self.name, bundled_rules(self.name))
        self._lexicons = lexicons(self.file)

    def check(self, text: str, context: Context) -> Verdict:
        """Find every label that matches."""
        return verdict(self._lexicons[context.role].find(text), self.rules, context)

    def undecided(self, text: str, context: Context) -> int:
        """The beginning of what may become a match."""
        return self._lexicons[context.role].undecided(text)


def verdict(found: Sequence[Finding], rules: Rules, context: Context, note: str = "") -> Verdict:
    """What the findings lead to, each label at its highest score."""
    if not found:
        return ALLOWED
    scores: dict[str, float] = {}
    for finding in found:
        scores[finding.label] = max(finding.score, scores.get(finding.label, 0.0))
    spans = [Span(start, end, label) for start, end, label, _ in found]
    return rules.verdict(context.role, scores, spans, note=note)


@cache
def lexicons(file: Path) -> Mapping[str, Lexicon]:
    """The patterns of a file by role."""
    table = tomllib.loads(file.read_text(encoding="utf-8"))
    named = table.get("words", {})
    return {role: Lexicon([*_phrases(table.get(role, {}), named)]) for role in ROLES}


def _phrases(table: Mapping[str, Mapping[str, Sequence[str]]], named: Mapping[str, str]) -> Iterator[Phrase]:
    for label, by_score in table.items():
        for score, patterns in by_score.items():
            for given in patterns:
                yield Phrase(label, SCORES[score], _with(given, named))


def _with(pattern: str, named: Mapping[str, str]) -> str:
    for _ in range(3):  # words of words
        pattern = regex.sub(r"<(\w+)>", lambda match: named[match[1]], pattern)
    return pattern


def _compiled(pattern: str, apart: str) -> regex.Pattern[str]:
    loose = apart == _APART
    written = pattern.replace(" ~ ", _GAP if loose else _TIGHT_GAP).replace("'", "'?").replace(" ", apart)
    return regex.compile(f"(?:{written})" + (r"(?!\w)" if loose else ""))


def _head(pattern: str) -> str:
    """The pattern up to the first space outside of brackets, which says how it can begin."""
    depth, end = 0, len(pattern)
    for place, sign in enumerate(pattern):
        depth += (sign == "(") - (sign == ")")
        if sign == "|" and depth == 0:
            return pattern
        if sign == " " and depth == 0:
            end = min(end, place)
    return pattern[:end]


def _prefixes(pattern: regex.Pattern[str]) -> list[str]:
    """The beginnings of words with which a match can begin: up to three letters, or a shorter word with a space."""
    found, longest = [], [""]
    for length in range(1, PREFIX + 1):
        longest = [
            prefix + letter
            for prefix in longest
            for letter in _FIRST
            if pattern.match(prefix + letter, partial=True) is not None
        ]
        found += longest
        if length < PREFIX:
            ended = (word for word in longest if any(pattern.match(word + end, partial=True) for end in _ENDS))
            found += [word + " " for word in ended]
    return found
