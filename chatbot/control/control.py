"""What commands can ask for, whoever answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, BinaryIO, Protocol

from learner import RecipeName


class Control(Protocol):
    """What commands can ask for."""

    def status(self) -> dict[str, Any]:
        """Champion, challenger, experiment, runs and counts, and the server's address."""

    def learn(self, recipe: RecipeName | None = None) -> str:
        """Start a lap, by `recipe` instead of that of the settings, and return the run's id."""

    def self_review(self, sample: int) -> str:
        """Have the model read past answers again, and return the run's id."""

    def compare(self, adapter: str, against: str | None, count: int, prompts: Sequence[Any]) -> str:
        """Have two adapters answer the same prompts, and return the id of the run and of the set."""

    def side_by_sides(self) -> list[dict[str, Any]]:
        """Every set of side-by-sides and what it came to."""

    def side_by_side_items(self, set_id: str) -> list[dict[str, Any]]:
        """The items of a set, blind."""

    def judge_side_by_sides(self, set_id: str, judge: str, choices: Mapping[str, str]) -> None:
        """Keep what a judge decided of a set."""

    def leaderboard(self, sources: Sequence[str], style: bool) -> dict[str, Any]:
        """How adapters compare."""

    def adapter_errors(self, adapter: str, against: str | None) -> dict[str, Any]:
        """Where an adapter fails, beside another one."""

    def run(self, run_id: str) -> dict[str, Any]:
        """One run."""

    def adapters(self) -> list[dict[str, Any]]:
        """Every adapter."""

    def card(self, adapter: str) -> dict[str, Any]:
        """The promotion card of one."""

    def promote(self, adapter: str | None, override: str | None) -> dict[str, Any]:
        """Promote; returns the champion, and as `rollout` the share that a winner which sets out has now."""

    def approve(self, adapter: str, reason: str, *, withdraw: bool = False) -> dict[str, Any]:
        """Approve of an adapter, or take that back; returns who approves of it, and the champion."""

    def revoke(self, adapter: str, reason: str) -> dict[str, Any]:
        """Revoke an adapter; returns the champion."""

    def rollback(self) -> dict[str, Any]:
        """Roll back; returns the champion and the seconds it took."""

    def drills(self) -> list[dict[str, Any]]:
        """Every drill, the newest first."""

    def preview(self, adapter: str | None, share: float | None) -> dict[str, Any]:
        """What another routing of the newest experiment would have come to."""

    def verify_audit(self, noted: Sequence[str]) -> dict[str, Any]:
        """What a walk along the chain of decisions finds; `noted` are hashes from elsewhere, or COUNT:HASH."""

    def decisions(self, *, action: str | None, since: datetime | None, limit: int) -> list[dict[str, Any]]:
        """The newest decisions first."""

    def promotion(self, adapter: str) -> dict[str, Any]:
        """The signed record of a promotion."""

    def model_card(self, adapter: str) -> str:
        """An adapter's model card."""

    def drift(self) -> dict[str, Any]:
        """Generations, windows and alarms of drift."""

    def acknowledge_drift(self, alarm_id: str, note: str, accept: bool) -> None:
        """Close an alarm."""

    def export(self, what: str, format: str, file: BinaryIO) -> int:
        """Write rows to `file` and return their number."""

    def erase(
        self, user: str, *, dry_run: bool, adapters: str | None = None, decisions: bool = False
    ) -> dict[str, Any]:
        """Erase somebody and return the receipt, or say what would go."""

    def erasures(self) -> list[dict[str, Any]]:
        """Every erasure."""

    def datasets(self) -> list[dict[str, Any]]:
        """Every dataset."""

    def build_dataset(self, of: str | None, as_of: datetime | None, without: Sequence[str]) -> dict[str, Any]:
        """Build one, or `of` again; returns the manifest."""

    def dataset(self, dataset: str) -> dict[str, Any]:
        """A manifest."""

    def diff(self, one: str, other: str) -> dict[str, Any]:
        """What only one of two datasets has."""

    def imports(self) -> list[dict[str, Any]]:
        """Every import."""

    def add_import(self, import_id: str, told: Mapping[str, Any], dry_run: bool) -> dict[str, Any]:
        """Import a draft that lies in the home, or say how much of it is new."""

    def remove_import(self, import_id: str) -> dict[str, Any]:
        """Take an import back."""

    def evaluations(self, suite: str) -> list[dict[str, Any]]:
        """The evaluations on a suite, the newest first, without the scores by row."""

    def latest_evaluation(self, suite_sha256: str, adapter: str, weights: str | None) -> dict[str, Any] | None:
        """The newest evaluation of a model on exactly these questions, with its scores by row."""

    def add_evaluation(self, values: Mapping[str, Any]) -> str:
        """Keep an evaluation, and return its id."""

    def accounts(self) -> list[dict[str, Any]]:
        """Every account."""

    def add_account(self, name: str, role: str) -> dict[str, Any]:
        """Make one; `link` in what is returned lets its owner set a password."""

    def change_account(self, name: str, **change: Any) -> dict[str, Any]:  # noqa: ANN401
        """Change `role` or `active`, or make a `new_link`."""

    def keys(self) -> list[dict[str, Any]]:
        """Every API key."""

    def add_key(self, name: str, account: str | None, **given: Any) -> dict[str, Any]:  # noqa: ANN401
        """Make one, for the only admin unless an account is named; `key` in what is returned is never shown again."""

    def revoke_key(self, key_id: str) -> dict[str, Any]:
        """Revoke one."""
