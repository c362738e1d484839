"""The running server, asked over its API."""

# ruff: noqa: D102 - what each method does is said in control.py

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, BinaryIO, cast
from urllib.parse import quote, urlencode

import httpx

from chatbot.control.names import ByName
from chatbot.errors import NoServer, UserError
from learner import RecipeName
from learner.evaluate.history import MOST_LISTED

TIMEOUT_SECONDS = 60.0


class Remote(ByName):
    """A server at `url`, asked with the operator's `key`."""

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


def _message(body: bytes) -> str:
    with contextlib.suppress(ValueError, KeyError, TypeError):
        return str(json.loads(body)["error"]["message"])
    return body.decode(errors="replace")[:300]
