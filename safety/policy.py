"""The policy: which filters look at what, from which score on, and what then happens. It is one TOML file.

[failure]                       # what counts when a filter fails or is too slow; an answer is always blocked
input = "block"                 # or "review"
timeout_ms = 1000

[filters.toxicity]              # filters are asked in the order of the file
use = "toxicity"                # which filter it is, where that is not its name here
shadow = true                   # look and log, but do nothing
timeout_ms = 500
model = "bundled"               # whatever else stands here goes to the filter

[filters.toxicity.labels.insult]
category = "harassment"         # OpenAI's name
input = { review = 0.9 }        # action = the score from which it is taken
output = { block = 0.9, review = 0.5 }

[filters.cards.labels."*"]      # all labels that are not named
input = "transform"             # an action alone: whenever something is found
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal, cast

from safety.errors import BadPolicy
from safety.rules import Rule, Rules, Step
from safety.verdict import STRICTEST_FIRST, Decision

BUNDLED = Path(__file__).with_name("policy.toml")
ROLES = ("input", "output")
ACTIONS = tuple(decision for decision in STRICTEST_FIRST if decision is not Decision.ALLOW)
OnFailure = Literal["block", "review"]


@dataclass(frozen=True)
class Entry:
    """One filter of the policy: `use` names it in the registry, `options` are its own."""

    name: str
    use: str
    rules: Rules
    options: Mapping[str, Any]
    shadow: bool
    timeout_s: float


@dataclass(frozen=True)
class Policy:
    """The filters that are on, in their order, and what a failed one does to a message from a person."""

    entries: tuple[Entry, ...]
    input_failure: OnFailure

    @classmethod
    def read(cls, path: Path = BUNDLED) -> Policy:
        """Read a policy. Raises BadPolicy with what is wrong and where."""
        try:
            return cls.parse(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise BadPolicy(f"The policy {path} must be valid TOML, and cannot be read: {error}.") from None
        except BadPolicy as error:
            raise BadPolicy(f"In the policy {path}: {error}") from None

    def with_options(self, use: str, options: Mapping[str, Any]) -> Policy:
        """The same with options for the filters of this kind, where the policy does not set them itself."""
        entries = [
            replace(entry, options={**options, **entry.options}) if entry.use == use else entry
            for entry in self.entries
        ]
        return replace(self, entries=tuple(entries))

    @classmethod
    def parse(cls, text: str) -> Policy:
        """Make a policy of TOML. Raises BadPolicy, and tomllib.TOMLDecodeError for what is no TOML."""
        table = tomllib.loads(text)
        unknown = set(table) - {"failure", "filters"}
        if unknown:
            raise BadPolicy(f"there is no [{min(unknown)}]; only [failure] and [filters.NAME] are known.")
        failure = _table(table.get("failure", {}), "failure")
        input_failure = failure.get("input", "block")
        if input_failure not in ("block", "review"):
            raise BadPolicy(f"failure.input is {input_failure!r}; it must be 'block' or 'review'.")
        timeout = _milliseconds(failure.get("timeout_ms", 1000), "failure.timeout_ms")
        entries = [
            _entry(name, _table(given, f"filters.{name}"), timeout)
            for name, given in _table(table.get("filters", {}), "filters").items()
            if given.get("enabled", True)
        ]
        return cls(tuple(entries), cast("OnFailure", input_failure))


@cache
def bundled_rules(name: str) -> Rules:
    """The rules that the bundled policy has for a filter. Raises BadPolicy when it has none."""
    table = tomllib.loads(BUNDLED.read_text(encoding="utf-8"))["filters"]
    if name not in table:
        raise BadPolicy(f"The bundled policy has no filter {name!r}.")
    return _entry(name, table[name], 1.0).rules


def _entry(name: str, given: Mapping[str, Any], timeout: float) -> Entry:
    where = f"filters.{name}"
    options = {
        key: value for key, value in given.items() if key not in ("use", "shadow", "timeout_ms", "labels", "enabled")
    }
    return Entry(
        name=name,
        use=given.get("use", name),
        rules=rules_of(given.get("labels", {}), f"{where}.labels"),
        options=options,
        shadow=bool(given.get("shadow", False)),
        timeout_s=_milliseconds(given["timeout_ms"], f"{where}.timeout_ms") if "timeout_ms" in given else timeout,
    )


def rules_of(given: object, where: str) -> Rules:
    """The rules in a table of labels; `where` is its place in the policy. Raises BadPolicy."""
    by_role: dict[str, dict[str, Rule]] = {role: {} for role in ROLES}
    for label, rule in _table(given, where).items():
        for role, made in _rules(_table(rule, f"{where}.{label}"), f"{where}.{label}").items():
            by_role[role][label] = made
    return Rules(by_role)


def _rules(given: Mapping[str, Any], where: str) -> dict[str, Rule]:
    unknown = set(given) - {"category", *ROLES}
    if unknown:
        raise BadPolicy(f"{where} has {min(unknown)!r}; only category, input and output are known.")
    return {
        role: Rule(given.get("category", ""), _steps(given[role], f"{where}.{role}")) for role in ROLES if role in given
    }


def _steps(given: object, where: str) -> tuple[Step, ...]:
    table = {given: 0.0} if isinstance(given, str) else _table(given, where)
    steps = []
    for action, threshold in table.items():
        if action not in ACTIONS:
            raise BadPolicy(f"{where} has the action {action!r}; it must be one of {', '.join(ACTIONS)}.")
        if isinstance(threshold, bool) or not isinstance(threshold, int | float) or not 0 <= threshold <= 1:
            raise BadPolicy(f"{where}.{action} is {threshold!r}; it must be a score from 0 to 1.")
        steps.append(Step(Decision(action), float(threshold)))
    return tuple(sorted(steps, key=lambda step: STRICTEST_FIRST.index(step.decision)))


def _milliseconds(given: object, where: str) -> float:
    if isinstance(given, bool) or not isinstance(given, int | float) or given <= 0:
        raise BadPolicy(f"{where} is {given!r}; it must be a number of milliseconds above 0.")
    return given / 1000


def _table(given: object, where: str) -> Mapping[str, Any]:
    if not isinstance(given, Mapping):
        raise BadPolicy(f"{where} is {given!r}; it must be a table.")
    return given
