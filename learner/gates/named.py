"""The suites that an operator names in `gate_suites`, as the gates ask them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from learner.errors import BadFile
from learner.gates.asked import Compared, NamedSuite
from learner.settings import LapSettings
from learner.tokens import Messages


def named_suites(settings: LapSettings) -> Sequence[NamedSuite]:
    """The suites of the setting, in its order. Raises BadFile for one that cannot be asked here."""
    return [_named(name) for name in (part.strip() for part in settings.gate_suites.split(",")) if name]


@dataclass(frozen=True)
class _Suite:
    """A suite of `learner.evaluate`."""

    name: str
    items: Sequence[Messages]
    evaluate: Any
    suite: Any

    def compare(self, champion: Sequence[str], challenger: Sequence[str]) -> Compared:
        """By the rule of the suite, on its deciding metric."""
        before, after = (
            self.evaluate.score(self.suite, [self.evaluate.Answer([text]) for text in said]).decides.scores
            for said in (champion, challenger)
        )
        given = {"slices": self.suite.slices}
        if self.suite.rule == "none-lost":
            names = [row.id for row in self.suite.rows]
            found = self.evaluate.none_lost(after, before, names, self.suite.clusters, **given)
        else:
            found = self.evaluate.non_inferior(after, before, self.suite.clusters, margin=self.suite.margin, **given)
        whole = found.whole
        return Compared(
            found.passed, found.reason, found.margin, whole.champion, whole.challenger, whole.low, found.to_values()
        )


def _named(name: str) -> NamedSuite:
    try:
        evaluate: Any = import_module("learner.evaluate")
    except ModuleNotFoundError:
        raise BadFile(f"gate_suites names {name!r}, and there are no suites here; leave it empty.") from None
    suite = evaluate.load_suite(name)
    if any(row.then for row in suite.rows):
        raise BadFile(f"The suite {name!r} asks in several turns, and the gates ask in one; leave it out.")
    system = [{"role": "system", "content": suite.generation.system}] if suite.generation.system else []
    items = [[*system, *(dict(message) for message in row.messages)] for row in suite.rows]
    return _Suite(suite.name, items, evaluate, suite)
