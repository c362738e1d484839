"""Personal data in what is learned gives way to what it was: <EMAIL>, <PHONE>, <DATE_OF_BIRTH> and so on."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache

from learner.lessons import Rating
from learner.pair import Pair
from safety import Context, Decision, Policy, Setup, Span
from safety.edits import Edit, edited
from safety.filter import Filter
from safety.registry import build

FILTERS = ("personal", "cards", "secrets")  # of the bundled policy, with what it never masks
_SHORT: Mapping[str, str] = {"email address": "EMAIL", "phone number": "PHONE", "IP address": "IP"}
_NUMBERED = re.compile(r"<([A-Z][A-Z_]*?)_\d+>")


class Masked:
    """Counts what was replaced, by kind."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.rows = 0

    def pair(self, pair: Pair) -> Pair | None:
        """The pair with placeholders, the same for the same thing wherever it stands in the pair.

        None where only such things made the difference, which is not to be learned.
        """
        prompt, (chosen, rejected) = self._row(pair.prompt, (pair.chosen, pair.rejected))
        if chosen == rejected:
            return None
        return replace(pair, prompt=prompt, chosen=chosen, rejected=rejected)

    def rating(self, rating: Rating) -> Rating:
        """The same for a rating."""
        prompt, (completion,) = self._row(rating.prompt, (rating.completion,))
        return replace(rating, prompt=prompt, completion=completion)

    def _row(
        self, prompt: Sequence[dict[str, str]], texts: Sequence[str]
    ) -> tuple[tuple[dict[str, str], ...], tuple[str, ...]]:
        system = "\n".join(message["content"] for message in prompt if message.get("role") == "system")
        names: dict[tuple[str, str], str] = {}
        masks: Callable[[str], str] = lambda text: _masked(text, system, names)  # noqa: E731
        # What the operator's own system prompt says stays.
        asked = tuple(
            message if message.get("role") == "system" else {**message, "content": masks(message["content"])}
            for message in prompt
        )
        answers = tuple(map(masks, texts))
        self.rows += bool(names)
        self.counts.update(kind for kind, _ in names)
        return asked, answers


def bare(text: str) -> str:
    """The text with placeholders that have no numbers: the same, whatever else is in its row."""
    return _NUMBERED.sub(r"<\1>", _masked(text, "", {}))


def _masked(text: str, system: str, names: dict[tuple[str, str], str]) -> str:
    edits: list[Edit] = []
    for start, end, label in _found(text, system):
        if edits and start < edits[-1].end:
            continue
        kind, what = _kind(label), text[start:end]
        if (kind, what) not in names:
            count = 1 + sum(known == kind for known, _ in names)
            names[kind, what] = f"<{kind}>" if count == 1 else f"<{kind}_{count}>"
        edits.append(Edit(start, end, names[kind, what]))
    return edited(text, edits)


def _found(text: str, system: str) -> Sequence[Span]:
    if not _MAY_HAVE.search(text):
        return []
    context = Context("output", system=system)
    said = [one.check(text, context) for one in _filters()]
    spans = {span for verdict in said if verdict.decision is Decision.TRANSFORM for span in verdict.spans}
    # Of those that overlap the longest speaks, and of two of one length the first by its name.
    return sorted(spans, key=lambda span: (span.start, -span.end, span.label))


_MAY_HAVE = re.compile(r"\d|@|[A-Za-z0-9_+/=-]{20}|(?i:passw|secret|token|key|né)")


@cache
def _filters() -> Sequence[Filter]:
    wanted = [entry for entry in Policy.read().entries if entry.name in FILTERS]
    return [build(entry.use, Setup(entry.name, entry.rules, entry.options, None)) for entry in wanted]


def _kind(label: str) -> str:
    return _SHORT.get(label) or re.sub(r"[^A-Z]+", "_", label.upper()).strip("_")
