"""How a command reaches the loop: through the running server, or, with none running, through the store itself."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, Literal, Protocol, cast
from urllib.parse import quote, urlencode

import httpx

from analytics import Store
from analytics.events_side_by_side import Choice
from chatbot.accounts import COMMAND_LINE, Roster
from chatbot.errors import HomeTaken, NoServer, UnknownAccount, UserError
from chatbot.model import locate, remembered
from chatbot.operator import Operator
from chatbot.permissions import Role
from chatbot.server import SERVER_FILE, address, home_lock
from chatbot.services import open_accounts, open_datasets, open_erasures, open_learner, open_registry
from chatbot.settings import Settings
from chatbot.side_by_sides import SideBySides
from learner import Imports, RecipeName
from learner.erasing import Policy
from learner.evaluate.history import MOST_LISTED, Evaluations
from learner.leaderboard.analysis import analyse
from learner.leaderboard.board import leaderboard
from learner.leaderboard.votes import Source

TIMEOUT_SECONDS = 60.0


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


@contextlib.contextmanager
def connect(settings: Settings, key: str | None = None) -> Iterator[Control]:
    """The running server of this home, or the store opened for the length of the command. Raises UserError.

    With a `key` of somebody's own the server knows who they are; without a server it cannot be used.
    """
    with contextlib.ExitStack() as held:
        try:
            held.enter_context(home_lock(settings.home))
        except HomeTaken as taken:
            remote = _server(settings.home, taken)
            if key is not None:
                remote.close()
                remote = _Remote(remote.url, key)
            control: _Remote | _Local = remote
        else:
            if key is not None:
                raise NoServer("--key needs a server to tell whose it is; start one with `./ratchet up`.")
            control = _Local(settings)
        yield held.enter_context(contextlib.closing(control))


def running_server(settings: Settings) -> tuple[str, str]:
    """The address of the running server of this home, and the operator's key. Raises NoServer."""
    try:
        with home_lock(settings.home):
            pass
    except HomeTaken as taken:
        with contextlib.closing(_server(settings.home, taken)) as remote:
            return remote.url, remote.key
    raise NoServer(f"No server runs in {settings.home}; start one with `./ratchet up`, or name one with --url.")


def _server(home: Path, taken: HomeTaken) -> _Remote:
    """The server that holds the home; raises `taken` when it is another command, or a server that does not answer."""
    try:
        told = json.loads((home / SERVER_FILE).read_text())
    except FileNotFoundError:
        raise taken from None
    remote = _Remote(told["url"], told["operator_key"])
    if remote.alive():
        return remote
    remote.close()
    raise taken


class _ByName:
    """Commands name accounts, where the API and the roster take ids."""

    def accounts(self) -> list[dict[str, Any]]:
        raise NotImplementedError

    def _id(self, name: str) -> str:
        found = [one["account_id"] for one in self.accounts() if one["name"].casefold() == name.strip().casefold()]
        if not found:
            raise UnknownAccount(f"There is no account of the name {name!r}; `./ratchet accounts` lists them.")
        return str(found[0])

    def _owner(self, name: str | None) -> str:
        if name is not None:
            return self._id(name)
        admins = [one["account_id"] for one in self.accounts() if one["role"] == "admin" and one["active"]]
        if len(admins) != 1:
            raise UserError(f"There are {len(admins)} admins: say with --account NAME whose key it is.")
        return str(admins[0])


class _Remote(_ByName):
    def __init__(self, url: str, key: str) -> None:
        self.url, self.key = url, key
        headers = {"Authorization": f"Bearer {key}"}
        self._client = httpx.Client(base_url=url, headers=headers, timeout=TIMEOUT_SECONDS, trust_env=False)

    def alive(self) -> bool:
        with contextlib.suppress(httpx.HTTPError):
            return self._client.get("/healthz").status_code == 200
        return False

    def close(self) -> None:
        self._client.close()

    def status(self) -> dict[str, Any]:
        return {**self._ask("GET", "/v1/status"), "server": self.url}

    def learn(self, recipe: RecipeName | None = None) -> str:
        return str(self._ask("POST", "/v1/runs", {"recipe": recipe} if recipe else None)["run_id"])

    def self_review(self, sample: int) -> str:
        return str(self._ask("POST", f"/v1/self-review?sample={sample}")["run_id"])

    def compare(self, adapter: str, against: str | None, count: int, prompts: Sequence[Any]) -> str:
        body = {"adapter": adapter, "against": against, "count": count, "prompts": list(prompts)}
        return str(self._ask("POST", "/v1/side-by-sides", body)["run_id"])

    def side_by_sides(self) -> list[dict[str, Any]]:
        return cast("list[dict[str, Any]]", self._ask("GET", "/v1/side-by-sides")["sets"])

    def side_by_side_items(self, set_id: str) -> list[dict[str, Any]]:
        told = self._ask("GET", f"/v1/side-by-sides/{quote(set_id, safe='')}/items")
        return cast("list[dict[str, Any]]", told["items"])

    def judge_side_by_sides(self, set_id: str, judge: str, choices: Mapping[str, str]) -> None:
        body = {"judge": judge, "choices": dict(choices)}
        self._ask("POST", f"/v1/side-by-sides/{quote(set_id, safe='')}/judge", body)

    def leaderboard(self, sources: Sequence[str], style: bool) -> dict[str, Any]:
        wanted = "&".join([f"style={str(style).lower()}", *(f"source={quote(source)}" for source in sources)])
        return self._ask("GET", f"/v1/leaderboard?{wanted}", patient=True)

    def adapter_errors(self, adapter: str, against: str | None) -> dict[str, Any]:
        wanted = "" if against is None else f"?against={quote(against, safe='')}"
        return self._ask("GET", f"/v1/adapters/{quote(adapter, safe='')}/errors{wanted}", patient=True)

    def run(self, run_id: str) -> dict[str, Any]:
        return self._ask("GET", f"/v1/runs/{run_id}")

    def adapters(self) -> list[dict[str, Any]]:
        return cast("list[dict[str, Any]]", self._ask("GET", "/v1/adapters")["adapters"])

    def card(self, adapter: str) -> dict[str, Any]:
        return self._ask("GET", f"/v1/adapters/{quote(adapter, safe='')}")

    def promote(self, adapter: str | None, override: str | None) -> dict[str, Any]:
        return self._ask("POST", "/v1/promote", {"adapter": adapter, "override": override})

    def approve(self, adapter: str, reason: str, *, withdraw: bool = False) -> dict[str, Any]:
        path = f"/v1/adapters/{quote(adapter, safe='')}/{'withdraw' if withdraw else 'approve'}"
        told = self._ask("POST", path, {"reason": reason})
        return {**told, "champion": self._ask("GET", "/v1/status")["champion"]}

    def revoke(self, adapter: str, reason: str) -> dict[str, Any]:
        return self._ask("POST", f"/v1/adapters/{quote(adapter, safe='')}/revoke", {"reason": reason})

    def rollback(self) -> dict[str, Any]:
        return self._ask("POST", "/v1/rollback")

    def drills(self) -> list[dict[str, Any]]:
        return cast("list[dict[str, Any]]", self._ask("GET", "/v1/drills")["drills"])

    def preview(self, adapter: str | None, share: float | None) -> dict[str, Any]:
        wanted = {name: value for name, value in (("adapter", adapter), ("share", share)) if value is not None}
        return self._ask("GET", f"/v1/experiments/preview?{urlencode(wanted)}")

    def verify_audit(self, noted: Sequence[str]) -> dict[str, Any]:
        return self._ask("GET", f"/v1/audit/verify?{urlencode([('head', one) for one in noted])}", patient=True)

    def decisions(self, *, action: str | None, since: datetime | None, limit: int) -> list[dict[str, Any]]:
        wanted = {"action": action, "since": since.isoformat() if since else None, "limit": limit}
        query = urlencode({name: value for name, value in wanted.items() if value is not None})
        return cast("list[dict[str, Any]]", self._ask("GET", f"/v1/audit?{query}")["decisions"])

    def promotion(self, adapter: str) -> dict[str, Any]:
        return self._ask("GET", f"/v1/audit/promotions/{quote(adapter, safe='')}")

    def model_card(self, adapter: str) -> str:
        return self._answer("GET", f"/v1/adapters/{quote(adapter, safe='')}/card").text

    def drift(self) -> dict[str, Any]:
        return self._ask("GET", "/v1/drift")

    def acknowledge_drift(self, alarm_id: str, note: str, accept: bool) -> None:
        path = f"/v1/drift/alarms/{quote(alarm_id, safe='')}/acknowledge"
        self._ask("POST", path, {"note": note, "accept": accept})

    def export(self, what: str, format: str, file: BinaryIO) -> int:
        wanted = {"what": what, "format": format}
        # The server writes the whole file before its first byte comes, and that may take any time.
        patient = httpx.Timeout(TIMEOUT_SECONDS, read=None)
        with self._reached(), self._client.stream("GET", "/v1/export", params=wanted, timeout=patient) as response:
            if response.status_code >= 400:
                raise UserError(_message(response.read()))
            for chunk in response.iter_bytes():
                file.write(chunk)
            return int(response.headers["X-Rows"])

    def erase(
        self, user: str, *, dry_run: bool, adapters: str | None = None, decisions: bool = False
    ) -> dict[str, Any]:
        body = {"user": user, "dry_run": dry_run, "adapters": adapters, "decisions": decisions}
        return self._ask("POST", "/v1/erasures", body, patient=True)

    def erasures(self) -> list[dict[str, Any]]:
        return cast("list[dict[str, Any]]", self._ask("GET", "/v1/erasures")["erasures"])

    def datasets(self) -> list[dict[str, Any]]:
        return cast("list[dict[str, Any]]", self._ask("GET", "/v1/datasets")["datasets"])

    def build_dataset(self, of: str | None, as_of: datetime | None, without: Sequence[str]) -> dict[str, Any]:
        path = "/v1/datasets" if of is None else f"/v1/datasets/{quote(of, safe='')}/rebuild"
        body = {"as_of": None if as_of is None else as_of.isoformat(), "without": list(without)}
        return self._ask("POST", path, body, patient=True)

    def dataset(self, dataset: str) -> dict[str, Any]:
        return self._ask("GET", f"/v1/datasets/{quote(dataset, safe='')}")

    def diff(self, one: str, other: str) -> dict[str, Any]:
        return self._ask("GET", f"/v1/datasets/{quote(one, safe='')}/diff/{quote(other, safe='')}", patient=True)

    def imports(self) -> list[dict[str, Any]]:
        return cast("list[dict[str, Any]]", self._ask("GET", "/v1/imports")["imports"])

    def add_import(self, import_id: str, told: Mapping[str, Any], dry_run: bool) -> dict[str, Any]:
        body = {"import_id": import_id, "told": dict(told), "dry_run": dry_run}
        return self._ask("POST", "/v1/imports", body, patient=True)

    def remove_import(self, import_id: str) -> dict[str, Any]:
        return self._ask("DELETE", f"/v1/imports/{quote(import_id, safe='')}")

    def evaluations(self, suite: str) -> list[dict[str, Any]]:
        path = f"/v1/evaluations?suite={quote(suite, safe='')}&limit={MOST_LISTED}"
        return cast("list[dict[str, Any]]", self._ask("GET", path)["evaluations"])

    def latest_evaluation(self, suite_sha256: str, adapter: str, weights: str | None) -> dict[str, Any] | None:
        asked = {"suite_sha256": suite_sha256, "adapter": adapter} | ({"weights_sha256": weights} if weights else {})
        return cast(
            "dict[str, Any] | None", self._ask("GET", f"/v1/evaluations/latest?{urlencode(asked)}")["evaluation"]
        )

    def add_evaluation(self, values: Mapping[str, Any]) -> str:
        return str(self._ask("POST", "/v1/evaluations", dict(values))["evaluation_id"])

    def accounts(self) -> list[dict[str, Any]]:
        return cast("list[dict[str, Any]]", self._ask("GET", "/v1/accounts")["accounts"])

    def add_account(self, name: str, role: str) -> dict[str, Any]:
        return self._ask("POST", "/v1/accounts", {"name": name, "role": role})

    def change_account(self, name: str, **change: Any) -> dict[str, Any]:  # noqa: ANN401
        return self._ask("PATCH", f"/v1/accounts/{self._id(name)}", change)

    def keys(self) -> list[dict[str, Any]]:
        return cast("list[dict[str, Any]]", self._ask("GET", "/v1/keys")["keys"])

    def add_key(self, name: str, account: str | None, **given: Any) -> dict[str, Any]:  # noqa: ANN401
        return self._ask("POST", "/v1/keys", {"name": name, "account_id": self._owner(account), **given})

    def revoke_key(self, key_id: str) -> dict[str, Any]:
        return self._ask("DELETE", f"/v1/keys/{quote(key_id, safe='')}")

    def _ask(
        self, method: str, path: str, body: dict[str, Any] | None = None, *, patient: bool = False
    ) -> dict[str, Any]:
        return cast("dict[str, Any]", self._answer(method, path, body, patient=patient).json())

    def _answer(
        self, method: str, path: str, body: dict[str, Any] | None = None, *, patient: bool = False
    ) -> httpx.Response:
        timeout = httpx.Timeout(TIMEOUT_SECONDS, read=None if patient else TIMEOUT_SECONDS)
        with self._reached():
            response = self._client.request(method, path, json=body, timeout=timeout)
        if response.status_code >= 400:
            raise UserError(_message(response.content))
        return response

    @contextlib.contextmanager
    def _reached(self) -> Iterator[None]:
        try:
            yield
        except httpx.HTTPError as error:
            raise NoServer(f"The server at {self.url} does not answer ({error}); is it stopping?") from error


class _Local(_ByName):
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


def _message(body: bytes) -> str:
    with contextlib.suppress(ValueError, KeyError, TypeError):
        return str(json.loads(body)["error"]["message"])
    return body.decode(errors="replace")[:300]
