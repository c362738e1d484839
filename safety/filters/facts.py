"""Finds values in an answer that the operator's documents and facts contradict, for a reviewer to look at."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from safety.errors import BadPolicy
from safety.facts.check import CONTRADICTED, Finding, findings, told
from safety.facts.index import Index
from safety.facts.sources import Fact, read_facts
from safety.filter import Context, Setup
from safety.policy import bundled_rules
from safety.verdict import ALLOWED, Span, Verdict

MOST_NOTES = 3


class Facts:
    """Its option `sources` names a file or a folder; without one an answer is held against its system prompt alone.

    A value that a source on its topic contradicts has the label `contradicted`, an e-mail, a link or a phone number
    that no source has `address`, and what no source speaks of `unsupported`.
    """

    def __init__(self, setup: Setup | None = None) -> None:
        self.id, self.rules = (setup.name, setup.rules) if setup else ("facts", bundled_rules("facts"))
        options = dict(setup.options) if setup else {}
        sources = str(options.pop("sources", "") or "")
        if options:
            raise BadPolicy(f"filters.{self.id} has {min(options)!r}; only sources is known.")
        facts = read_facts(Path(sources).expanduser()) if sources else []
        self._index = Index(facts) if facts else None
        self.version = f"1.{_digest(facts)}" if facts else "1"

    def check(self, text: str, context: Context) -> Verdict:
        """Hold an answer against the facts; a question is not looked at."""
        if context.role != "output" or (self._index is None and not context.system):
            return ALLOWED
        found = [one for one in findings(text, told(context.prompt, context.system), self._index) if self._counts(one)]
        if not found:
            return ALLOWED
        scores = {
            label: max(one.score for one in found if one.label == label) for label in {one.label for one in found}
        }
        spans = [Span(one.start, one.end, one.label) for one in found]
        notes = list(dict.fromkeys(one.note for one in found if one.note))
        return self.rules.verdict(context.role, scores, spans, note="\n".join(notes[:MOST_NOTES]), log=True)

    def _counts(self, finding: Finding) -> bool:
        """Whether a contradiction is sure enough to be shown; others are kept as well, so that all can be logged."""
        rule = self.rules.rule("output", finding.label)
        return finding.label != CONTRADICTED or rule is None or rule.step(finding.score) is not None


def _digest(facts: list[Fact]) -> str:
    return sha256("\n".join(f"{fact.topic}|{fact.says}" for fact in facts).encode()).hexdigest()[:8]
