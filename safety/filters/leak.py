"""Keeps an answer from giving away the system prompt."""

from __future__ import annotations

import base64
import codecs
import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from safety.filter import Context, Setup
from safety.filters.forms import fold
from safety.filters.partial import last_word
from safety.policy import bundled_rules
from safety.verdict import ALLOWED, Span, Verdict

LABEL = "system prompt"
INSTRUCTS, TELLS = 1.0, 0.6  # scores: of what tells the assistant what to do, and of facts, which it may repeat
LONG_TELLING = 3  # times the words that are enough otherwise
_CODE, _EDGE = 24, 2  # characters of a code, and those at its edge, which depend on what stands around the prompt
_NEAR = 16  # characters that are looked at first, thrice
_APART = {code: " " for code in range(128) if not chr(code).isalnum() and chr(code) != "'"}
_LEAST = 4  # words of a prompt that can be recognised

_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")
_CODED = re.compile(r"[A-Za-z0-9+/=]{24,}")
_CODED_BEGUN = re.compile(r"[A-Za-z0-9+/=]+")
_SENTENCE = re.compile(r"(?<=[.!?\n])\s+")
_INSTRUCTS = re.compile(
    r"\b(?:you|your|yourself|never|do not|don't|always|must|should|assistant|answer|reply|respond|refuse|"
    r"instructions?|secret"
    r"|confidential|reveal|du|dein|sie sind|niemals|immer|antworte|tu es|jamais|toujours|reponds|eres|nunca|"
    r"siempre|responde"
    r"|sei|mai|sempre|rispondi|voce|responda)\b"
)


class _Prompt(NamedTuple):
    """A system prompt as it can come back: runs of `length` words with their scores, in each way to write them."""

    length: int
    runs: Sequence[dict[str, float]]
    first: Sequence[frozenset[str]]
    words: Sequence[frozenset[str]]
    joined: Sequence[str]
    codes: Sequence[str]


class Leak:
    """Finds `words` words in a row of the system prompt, also backwards and in simple codes.

    What stands in the message that is answered as well is no leak. A prompt that is shorter is looked for as a whole.
    """

    version, quick = "1", True

    def __init__(self, setup: Setup | None = None) -> None:
        self.id, self.rules = (setup.name, setup.rules) if setup else ("leak", bundled_rules("leak"))
        self._words = int(setup.options.get("words", 8)) if setup else 8
        if self._words < 3:
            raise ValueError(f"words is {self._words}; it must be 3 at least, or any answer would be a leak.")

    def check(self, text: str, context: Context) -> Verdict:
        """Find what comes from the system prompt."""
        if not context.system:
            return ALLOWED
        found = [*_found(text, _prompt(context.system, context.prompt, self._words))]
        if not found:
            return ALLOWED
        worst = max(score for _, _, score in found)
        spans = [Span(start, end, LABEL) for start, end, _ in found]
        return self.rules.verdict(context.role, {LABEL: worst}, spans)

    def undecided(self, text: str, context: Context) -> int:
        """The last words, where the system prompt goes on like that."""
        if not context.system:
            return len(text)
        prompt = _prompt(context.system, context.prompt, self._words)
        return min(_words_begun(text, prompt), _code_begun(text, prompt))


@lru_cache(maxsize=64)
def _prompt(system: str, asked: str, words: int) -> _Prompt:
    ways = [_told(system), *(_rewritten(system, rewrite) for rewrite in (_backwards, _rot13))]
    length = min(words, len(ways[0])) if len(ways[0]) >= _LEAST else 0
    known = {run for run, _ in _runs(_told(asked), length)} if asked else set()
    runs = [{run: score for run, score in _runs(way, length) if run not in known} for way in ways]
    joined = [f" {' '.join(word for word, _ in way)} " for way in ways]
    raw = system.encode()
    codes = [base64.b64encode(raw[shift:]).decode().rstrip("=")[:-1] for shift in range(3)] + [raw.hex()]
    first = [frozenset(run.split(" ", 1)[0] for run in way) for way in runs]
    words_ = [frozenset(word for word, _ in way) for way in ways]
    return _Prompt(length, runs, first, words_, joined, [code for code in codes if len(code) >= _CODE])


def _told(text: str) -> list[tuple[str, float]]:
    """The words of a text, each with what giving it away counts."""
    return [
        (match[0], INSTRUCTS if _INSTRUCTS.search(sentence) else TELLS)
        for sentence in _SENTENCE.split(fold(text))
        for match in _WORD.finditer(sentence)
    ]


def _rewritten(system: str, rewrite: Callable[[str], str]) -> list[tuple[str, float]]:
    return [(match[0], INSTRUCTS) for match in _WORD.finditer(rewrite(fold(system)))]


def _backwards(text: str) -> str:
    return text[::-1]


def _rot13(text: str) -> str:
    return codecs.encode(text, "rot13")


def _runs(words: Sequence[tuple[str, float]], length: int) -> Iterator[tuple[str, float]]:
    if length:
        for start in range(len(words) - length + 1):
            run = words[start : start + length]
            yield " ".join(word for word, _ in run), max(score for _, score in run)


def _may_leak(folded: str, prompt: _Prompt) -> bool:
    """Whether so many words in a row are words of the prompt; told much faster than which they are."""
    if not folded.isascii():
        return True
    words = folded.translate(_APART).split()
    for known in prompt.words:
        row = 0
        for word in words:
            row = row + 1 if word in known else 0
            if row >= prompt.length:
                return True
    return False


def _found(text: str, prompt: _Prompt) -> Iterator[tuple[int, int, float]]:
    folded = fold(text)
    likely = prompt.length > 0 and _may_leak(folded, prompt)
    places = [match.span() for match in _WORD.finditer(folded)] if likely else []
    words = [folded[start:end] for start, end in places]
    for runs, begins in zip(prompt.runs, prompt.first, strict=True):
        hits = [
            (at, score)
            for at in [at for at, word in enumerate(words) if word in begins]
            if (score := runs.get(" ".join(words[at : at + prompt.length]))) is not None
        ]
        for first, last, score in _stretches(hits, prompt.length):
            yield places[first][0], places[last + prompt.length - 1][1], score
    if prompt.codes:
        for match in _CODED.finditer(text):
            if _in_code(match[0], prompt):
                yield *match.span(), INSTRUCTS


def _stretches(hits: Sequence[tuple[int, float]], length: int) -> Iterator[tuple[int, int, float]]:
    """Where runs begin and where the last of them does; facts that go on for long are told as what instructs is."""
    begun = at = -2
    for place, score in hits:
        begun = begun if place == at + 1 else place
        at = place
        long = at - begun + length >= LONG_TELLING * length
        first = at - (LONG_TELLING - 1) * length if long and score < INSTRUCTS else at
        if (at - begun) % length == 0 or long:
            yield first, at, INSTRUCTS if long else score


def _in_code(run: str, prompt: _Prompt) -> bool:
    return any(run[_EDGE : _CODE - _EDGE] in code for code in prompt.codes)


def _words_begun(text: str, prompt: _Prompt) -> int:
    if not prompt.length:
        return len(text)
    most = LONG_TELLING * prompt.length
    for reach in (3 * _NEAR, 12 * most):
        begun = _begun_within(text[-reach:], prompt, most, cut=reach < len(text))
        if begun > 0 or reach >= len(text):
            break
    return max(0, len(text) - reach) + begun


def _begun_within(tail: str, prompt: _Prompt, most: int, *, cut: bool) -> int:
    """Where the last words begin with which the prompt goes on; 0 if that may be before `tail`."""
    folded = fold(tail)
    every = [match.span() for match in _WORD.finditer(folded)]
    places, cut = every[-most:], cut and len(every) <= most  # else the first word that is looked at is whole
    if not places:
        return len(tail)
    after = " " if places[-1][1] < len(folded) else ""
    words = [folded[start:stop] for start, stop in places]
    begun, row = len(tail), after
    for place in range(len(places) - 1, -1, -1):
        row = f" {words[place]}{row}"
        if not any(row in joined for joined in prompt.joined):
            return begun if place > 0 or not cut else 0
        begun = places[place][0]
    return 0 if cut and len(places) < most else begun


def _code_begun(text: str, prompt: _Prompt) -> int:
    start = last_word(text, 1000)
    last = next((match for match in _CODED_BEGUN.finditer(text, start) if match.end() == len(text)), None)
    return last.start() if last is not None and _in_code(last[0], prompt) else len(text)
