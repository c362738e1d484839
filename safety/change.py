"""Changes one threshold in the text of a policy; comments and order stay as they are."""

from __future__ import annotations

import tomllib
from collections.abc import MutableMapping
from dataclasses import dataclass
from difflib import unified_diff
from typing import Any, cast

import tomlkit
from tomlkit.exceptions import TOMLKitError

from safety.errors import BadPolicy
from safety.policy import ACTIONS, ROLES, Policy

FILE_NAME = "policy.toml"


@dataclass(frozen=True)
class Change:
    """From the score `threshold` on, texts of `role` in which the filter finds `label` shall lead to `action`."""

    filter_id: str
    label: str
    role: str
    action: str
    threshold: float

    def before(self, policy: Policy) -> float | None:
        """The threshold that it would replace; None where the action is not taken yet. Raises BadPolicy."""
        entry = next((entry for entry in policy.entries if entry.name == self.filter_id), None)
        if entry is None:
            raise BadPolicy(f"The policy has no filter {self.filter_id!r} that is on.")
        if self.role not in ROLES or self.action not in map(str, ACTIONS):
            raise BadPolicy(f"The role must be one of {', '.join(ROLES)}, the action one of {', '.join(ACTIONS)}.")
        labels = {label for rules in entry.rules.by_role.values() for label in rules}
        if self.label not in labels:
            raise BadPolicy(f"The filter {self.filter_id!r} has no rule for {self.label!r} in the policy.")
        rule = entry.rules.by_role[self.role].get(self.label)
        return next((step.threshold for step in rule.steps if step.decision == self.action), None) if rule else None

    def applied(self, text: str) -> str:
        """The policy `text` with this change. Raises BadPolicy where it cannot be made or the result cannot be used."""
        self.before(_parsed(text))
        try:
            document = tomlkit.parse(text)
        except TOMLKitError as error:
            raise BadPolicy(f"The policy cannot be edited: {error}") from None
        labels = cast("Any", document)["filters"][self.filter_id]["labels"]
        rule: MutableMapping[str, Any] = labels[self.label]
        given, score = rule.get(self.role), round(self.threshold, 4)
        if isinstance(given, MutableMapping):
            given[self.action] = score
        else:  # an action alone is taken from 0 on
            steps = {**({given: 0.0} if given else {}), self.action: score}
            written = ", ".join(f"{action} = {threshold}" for action, threshold in steps.items())
            rule[self.role] = cast("Any", tomlkit.parse(f"steps = {{ {written} }}"))["steps"]
        changed = tomlkit.dumps(document)
        _parsed(changed)
        return changed


def diff(before: str, after: str) -> str:
    """What changes in the file, as a unified diff."""
    lines = unified_diff(
        before.splitlines(keepends=True), after.splitlines(keepends=True), f"a/{FILE_NAME}", f"b/{FILE_NAME}"
    )
    return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)


def _parsed(text: str) -> Policy:
    try:
        return Policy.parse(text)
    except tomllib.TOMLDecodeError as error:
        raise BadPolicy(f"The policy must be valid TOML, and cannot be read: {error}.") from None
