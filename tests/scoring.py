"""A filter that scores texts by the numbers in them, such as `insult 0.7`, and a policy that uses it."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

import pytest

from safety import Context, Setup, Verdict, registry
from safety.policy import BUNDLED

POLICY = """
# Numbers in a text stand for what a classifier would say of it.
[filters.rude]     # the one that acts
use = "numbers"

[filters.rude.labels.insult]
category = "harassment"
input = { block = 0.8, review = 0.5 }   # agreed upon in spring
output = { block = 0.8 }

[filters.quiet]
use = "numbers"
shadow = true

[filters.quiet.labels]
insult = { category = "harassment", input = { review = 0.3 }, output = { block = 0.3 } }
gore = { category = "violence/graphic", input = { block = 0.4 } }
"""
# In answers it is `insult=0.7`, so that somebody can ask for one without being stopped themselves.
_NUMBERS = {
    "input": re.compile(r"\b(insult|gore) ([01]\.\d+)"),
    "output": re.compile(r"\b(insult|gore)=([01]\.\d+)"),
}


class Numbers:
    """Reads windows, keeps its scores in the log, and acts as the policy says."""

    version = "7"

    def __init__(self, setup: Setup) -> None:
        self.id, self.rules = setup.name, setup.rules

    def check(self, text: str, context: Context) -> Verdict:
        scores = {"insult": 0.01, "gore": 0.01}
        for label, number in _NUMBERS[context.role].findall(text):
            scores[label] = max(scores[label], float(number))
        return self.rules.verdict(context.role, scores, log=True)


@contextmanager
def numbers(home: Path) -> Iterator[None]:
    """While it lasts the filter is in the registry; the home has the shipped policy with it in place of classifiers."""
    home.mkdir(parents=True, exist_ok=True)
    patterns = BUNDLED.read_text().replace("[filters.toxicity]\n", "[filters.toxicity]\nenabled = false\n")
    (home / "policy.toml").write_text(
        patterns.replace("[filters.harm]\n", "[filters.harm]\nenabled = false\n") + POLICY
    )
    with pytest.MonkeyPatch.context() as patch:
        shipped = {**registry.SHIPPED, "numbers": "tests.scoring:Numbers"}
        patch.setattr(registry, "SHIPPED", MappingProxyType(shipped))
        yield
