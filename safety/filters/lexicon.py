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
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
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


Call = tuple[int, Phrase, regex.Pattern[str]]


class Lexicon:
    """The patterns of one file for one role. Which of them to try where is looked up in `calls`, which it may share."""

    def __init__(self, phrases: Sequence[Phrase], calls: Calls) -> None:
        self._by_prefix = _by_prefix(phrases)
        self._calls, self._place = calls, calls.add(phrases)

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

    def _calls_of(self, form: Form) -> Iterable[Call]:
        """Which phrase to try where: as it is written where a word begins, and tight where letters were joined."""
        called = self._calls.of(form.text)[self._place]
        if not form.starts:
            return called
        tight = (
            (start, phrase, phrase.tight)
            for start in form.starts
            for phrase in self._by_prefix.get(form.text[start], ())
        )
        return chain(called, tight)


class Calls:
    """Finds which phrases of several lexicons to try where in a text, by the words that they can begin with.

    All lexicons of a role look for the words of a text together. One that is added takes nothing from who is asking.
    """

    def __init__(self) -> None:
        self._lexicons: tuple[Sequence[Phrase], ...] = ()
        self.of: Callable[[str], Sequence[Sequence[Call]]] = _Table(()).calls

    def add(self, phrases: Sequence[Phrase]) -> int:
        """Look for these as well; returns their place in what `of` gives for a text."""
        self._lexicons = (*self._lexicons, phrases)
        self.of = lru_cache(maxsize=8)(_Table(self._lexicons).calls)
        return len(self._lexicons) - 1


class _Table:
    """The phrases by the first letters of their words, and what was learned of pairs of words."""

    def __init__(self, lexicons: Sequence[Sequence[Phrase]]) -> None:
        self._places = {phrase: place for place, phrases in enumerate(lexicons) for phrase in phrases}
        self._by_prefix = _by_prefix([*self._places])
        self._begun_by: dict[str, Sequence[tuple[int, Phrase]]] = {}
        self._count = len(lexicons)

    def calls(self, text: str) -> Sequence[Sequence[Call]]:
        """By lexicon: where to try which phrase as it is written."""
        by_prefix, begun_by = self._by_prefix, self._begun_by
        calls: list[list[Call]] = [[] for _ in range(self._count)]
        found, _ = words(text)
        last = len(found) - 2
        for number, (start, first) in enumerate(found):
            if first not in by_prefix:
                continue
            pair = text[start : found[number + 2][0]] if number < last else text[start:]
            begun = begun_by.get(pair)
            if begun is None:
                begun = self._learn(pair, by_prefix[first])
            for place, phrase in begun:
                calls[place].append((start, phrase, phrase.loose))
        return calls

    def _learn(self, pair: str, phrases: Sequence[Phrase]) -> Sequence[tuple[int, Phrase]]:
        """Which phrases may begin with these two words, which is kept: the same words come again and again."""
        if len(self._begun_by) >= _PAIRS:
            self._begun_by.clear()
        begun = tuple(
            (self._places[one], one) for one in phrases if one.looks or one.loose.match(pair, partial=True) is not None
        )
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
    return {role: Lexicon([*_phrases(table.get(role, {}), named)], _calls(role)) for role in ROLES}


@cache
def _calls(role: str) -> Calls:
    return Calls()


def _by_prefix(phrases: Sequence[Phrase]) -> dict[str, list[Phrase]]:
    found: dict[str, list[Phrase]] = {}
    for phrase in phrases:
        for prefix in phrase.prefixes:
            found.setdefault(prefix, []).append(phrase)
    return found


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
