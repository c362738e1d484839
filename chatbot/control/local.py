"""The store itself, opened for the length of a command."""

# ruff: noqa: D102 - what each method does is said in control.py

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, BinaryIO, Literal, cast

from analytics import Store
from analytics.events_side_by_side import Choice
from chatbot.accounts import COMMAND_LINE, Roster
from chatbot.control.names import ByName
from chatbot.model import locate, remembered
from chatbot.operator import Operator
from chatbot.permissions import Role
from chatbot.server import address
from chatbot.services import open_accounts, open_datasets, open_erasures, open_learner, open_registry
from chatbot.settings import Settings
from chatbot.side_by_sides import SideBySides
from learner import Imports, RecipeName
from learner.erasing import Policy
from learner.evaluate.history import MOST_LISTED, Evaluations
from learner.leaderboard.analysis import analyse
from learner.leaderboard.board import leaderboard
from learner.leaderboard.votes import Source


class Local(ByName):
    """The store of a home that no server holds."""

    def __init__(self, settings: Settings) -> None:
        # Under another model the live adapters would not fit, and the registry would put the base in their place.
        model = locate(remembered(settings.home) or settings.text("model"))
        self._store = Store.open(settings.home / "store.duckdb")
        registry = open_registry(settings, self._store, model)
        # There is no engine to tell: the next start of the server loads what is live.
        self._learner = open_learner(
            settings, self._store, registry, model, lambda name, folder: None, lambda name: None
        )
        self._operator = Operator(self._store, self._learner)
        self._side_by_sides = SideBySides(self._store, self._learner, settings.home)
        self._datasets, self._imports = open_datasets(settings, self._store, model), Imports(self._store, settings.home)
        self._evaluations = Evaluations(self._store)
        url = settings.text("public_url") or address(settings.text("host"), settings.whole("port"))
        accounts = open_accounts(settings, self._store)
        self._roster = Roster(accounts, url, COMMAND_LINE)
        self._erasures = open_erasures(settings, self._store, accounts, self._learner, self._datasets)

    def close(self) -> None:
        self._learner.close()
        self._store.close()

    def status(self) -> dict[str, Any]:
        return {**self._operator.status(), "server": None}

    def learn(self, recipe: RecipeName | None = None) -> str:
        return self._operator.learn(recipe)

    def self_review(self, sample: int) -> str:
        return self._operator.self_review(sample)

    def compare(self, adapter: str, against: str | None, count: int, prompts: Sequence[Any]) -> str:
        return self._side_by_sides.start(adapter, against, count, prompts)

    def side_by_sides(self) -> list[dict[str, Any]]:
        return self._side_by_sides.status()

    def side_by_side_items(self, set_id: str) -> list[dict[str, Any]]:
        return self._side_by_sides.items(set_id)

    def judge_side_by_sides(self, set_id: str, judge: str, choices: Mapping[str, str]) -> None:
        self._side_by_sides.judge(set_id, judge, cast("Mapping[str, Choice]", choices), COMMAND_LINE)

    def leaderboard(self, sources: Sequence[str], style: bool) -> dict[str, Any]:
        found = leaderboard(self._store, self._learner.registry, cast("Sequence[Source]", sources), style=style)
        return found.to_values()

    def adapter_errors(self, adapter: str, against: str | None) -> dict[str, Any]:
        return analyse(self._store, self._learner.registry, adapter, against).to_values()

    def run(self, run_id: str) -> dict[str, Any]:
        return self._operator.run(run_id)

    def adapters(self) -> list[dict[str, Any]]:
        return self._operator.adapters()

    def card(self, adapter: str) -> dict[str, Any]:
        return self._operator.card(adapter)

    def promote(self, adapter: str | None, override: str | None) -> dict[str, Any]:
        champion = self._operator.promote(adapter, override, COMMAND_LINE)
        rollout = self._learner.registry.state().rollout
        return {"champion": champion, "rollout": rollout} if rollout else {"champion": champion}

    def approve(self, adapter: str, reason: str, *, withdraw: bool = False) -> dict[str, Any]:
        policy = self._learner.policy
        step = policy.withdraw if withdraw else self._learner.approve
        step(adapter, COMMAND_LINE, "command line", reason)
        state = self._learner.registry.state()
        return {"adapter": adapter, "approvals": policy.approvals(adapter), "champion": state.champion.adapter}

    def revoke(self, adapter: str, reason: str) -> dict[str, Any]:
        return {"champion": self._learner.revoke(adapter, COMMAND_LINE, reason)}

    def rollback(self) -> dict[str, Any]:
        return self._operator.rollback()._asdict()

    def drills(self) -> list[dict[str, Any]]:
        return self._learner.drills.all()

    def preview(self, adapter: str | None, share: float | None) -> dict[str, Any]:
        return self._operator.preview(adapter, share)

    def verify_audit(self, noted: Sequence[str]) -> dict[str, Any]:
        return self._operator.chain(noted).to_values()

    def decisions(self, *, action: str | None, since: datetime | None, limit: int) -> list[dict[str, Any]]:
        return self._operator.decisions(action=action, since=since, limit=limit)

    def promotion(self, adapter: str) -> dict[str, Any]:
        return self._learner.records.record(adapter)

    def model_card(self, adapter: str) -> str:
        return self._learner.model_card(adapter)

    def drift(self) -> dict[str, Any]:
        return self._operator.drift()

    def acknowledge_drift(self, alarm_id: str, note: str, accept: bool) -> None:
        self._operator.acknowledge_drift(alarm_id, COMMAND_LINE, note, accept=accept)

    def export(self, what: str, format: str, file: BinaryIO) -> int:
        rows = self._store.export(
            cast("Literal['pairs', 'thumbs', 'turns']", what), cast("Literal['jsonl', 'parquet']", format), file
        )
        told = {"what": what, "format": format, "rows": rows}
        self._store.append(self._store.audit("export", COMMAND_LINE, told))
        return rows

    def erase(
        self, user: str, *, dry_run: bool, adapters: str | None = None, decisions: bool = False
    ) -> dict[str, Any]:
        who, policy = self._erasures.find(user), cast("Policy | None", adapters)
        if dry_run:
            return self._erasures.preview(who, policy)
        # The next start of the server begins the lap, if one is needed.
        return self._erasures.erase(who, COMMAND_LINE, policy=policy, blank=decisions)

    def erasures(self) -> list[dict[str, Any]]:
        return self._erasures.all()

    def datasets(self) -> list[dict[str, Any]]:
        return self._datasets.list()

    def build_dataset(self, of: str | None, as_of: datetime | None, without: Sequence[str]) -> dict[str, Any]:
        if of is None:
            return self._datasets.build(as_of=as_of, without=without, actor=COMMAND_LINE)
        return self._datasets.rebuild(of, as_of=as_of, without=without, actor=COMMAND_LINE)

    def dataset(self, dataset: str) -> dict[str, Any]:
        return self._datasets.show(dataset)

    def diff(self, one: str, other: str) -> dict[str, Any]:
        return self._datasets.diff(one, other)

    def imports(self) -> list[dict[str, Any]]:
        return self._imports.list()

    def add_import(self, import_id: str, told: Mapping[str, Any], dry_run: bool) -> dict[str, Any]:
        if dry_run:
            return {"new": self._imports.new(import_id)}
        return self._imports.add(import_id, told, COMMAND_LINE)

    def remove_import(self, import_id: str) -> dict[str, Any]:
        return self._imports.remove(import_id, COMMAND_LINE)

    def evaluations(self, suite: str) -> list[dict[str, Any]]:
        return self._evaluations.list(suite, limit=MOST_LISTED)

    def latest_evaluation(self, suite_sha256: str, adapter: str, weights: str | None) -> dict[str, Any] | None:
        return self._evaluations.latest(suite_sha256, adapter, weights)

    def add_evaluation(self, values: Mapping[str, Any]) -> str:
        return str(self._evaluations.add(values, COMMAND_LINE)["evaluation_id"])

    def accounts(self) -> list[dict[str, Any]]:
        return self._roster.accounts()

    def add_account(self, name: str, role: str) -> dict[str, Any]:
        return self._roster.add_account(name, cast("Role", role))

    def change_account(self, name: str, **change: Any) -> dict[str, Any]:  # noqa: ANN401
        return self._roster.change_account(self._id(name), **change)

    def keys(self) -> list[dict[str, Any]]:
        return self._roster.keys()

    def add_key(self, name: str, account: str | None, **given: Any) -> dict[str, Any]:  # noqa: ANN401
        return self._roster.add_key(self._owner(account), name, **given)

    def revoke_key(self, key_id: str) -> dict[str, Any]:
        return self._roster.revoke_key(key_id)
