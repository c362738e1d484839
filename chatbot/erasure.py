"""Erasing somebody: from the store, the files of the home and what learned from them, with a signed receipt.

The order is what makes it survive a kill: what is to go is written down first (`erasures/pending.json`), then the files
are rewritten, then the rows deleted in one transaction and the store copied into a new file, then the receipt. Whoever
opens the home next goes on from what was written down. docs/erasure.md has the list of places.
"""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from analytics import Erasure, Event, Store
from analytics.erasing import ERASED, Affected, Gone, Scope, affected, of_people, of_turns, unsaid
from analytics.signing import Signer
from chatbot.accounts import Accounts, Caller, write_private
from chatbot.errors import BadRequest, LastAdmin, TooMany, UnknownPerson
from learner import Learner
from learner.erasing import FOLDER, LEAST_NAME, MOST_TEXTS, Found, Policy, Unlearning, find, scrub, search

MOST_AN_HOUR, HOUR = 5, 3600.0  # of people who erase themselves, from one address
RETAIN_SECONDS = 3600.0  # between two looks at what is kept no longer
PENDING = "pending.json"  # what is to be done still
BROKEN_OFF = "Somebody whose words it learned from was erased; the next lap is without them."


@dataclass(frozen=True)
class Who:
    """Somebody by all that the server knows them by; `told` is how they were named to it."""

    told: str
    people: frozenset[str]
    accounts: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()


@dataclass(frozen=True)
class _Plan:
    """What an erasure will do; it is kept in the home until all of it is done."""

    erasure_id: str
    actor: str
    reason: str
    scope: Scope
    adapters: Sequence[dict[str, Any]]
    runs: Sequence[str]
    datasets: Mapping[str, int]
    person_sha256: str | None

    def to_values(self) -> dict[str, Any]:
        return {**vars(self), "scope": self.scope.to_values()}

    @classmethod
    def from_values(cls, values: dict[str, Any]) -> _Plan:
        return cls(**{**values, "scope": Scope.from_values(values["scope"])})


class SelfService:
    """Counts who erases themselves: each one costs a copy of the store. May be used from any thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._times: dict[str, list[float]] = {}

    def count(self, address: str) -> None:
        """Count one. Raises TooMany, and then counts nothing."""
        with self._lock:
            now = self._clock()
            self._times = {
                one: kept for one, times in self._times.items() if (kept := [at for at in times if now - at < HOUR])
            }
            times = self._times.setdefault(address, [])
            if len(times) >= MOST_AN_HOUR:
                wait = HOUR - (now - times[0])
                raise TooMany("More than that many erasures from one address in an hour are not done; wait.", wait)
            times.append(now)


class Erasures:
    """One at a time. `still` keeps datasets from being built meanwhile; `policy` says what becomes of adapters.

    A champion that is to be replaced is revoked after `retrain_days` at the latest.
    """

    def __init__(
        self,
        home: Path,
        store: Store,
        accounts: Accounts,
        learner: Learner,
        still: AbstractContextManager[Any],
        *,
        policy: Policy = "retrain",
        retrain_days: float = 30.0,
        retention_days: float = 0.0,
        temporary_hours: float = 24.0,
    ) -> None:
        self._home, self._store, self._accounts, self._learner, self._still = home, store, accounts, learner, still
        self._policy, self._retrain_days = policy, retrain_days
        self._unlearning = Unlearning(store, learner, home)
        self._retention_days, self._temporary_hours = retention_days, temporary_hours
        self._attempts = SelfService()
        self._lock = threading.Lock()
        self._forget: list[Callable[[], None]] = []

    def on_erased(self, forget: Callable[[], None]) -> None:
        """Have `forget` called after each erasure, by what keeps something in memory."""
        self._forget.append(forget)

    def find(self, user: str) -> Who:
        """Whom an account's name, a person's id or the name that a key sent means. Raises UnknownPerson, BadRequest."""
        account = self._accounts.people.named(user)
        if account is None and user.startswith("account:"):
            account = self._accounts.people.find(user.removeprefix("account:"))
        if account is not None:
            keys = self._accounts.api_keys.all(account.account_id)
            people = {f"account:{account.account_id}", *(f"key:{key.key_id}" for key in keys)}
            names = {account.name, *([account.subject] if account.subject else [])}
            return Who(user, frozenset(people), frozenset({account.account_id}), frozenset(names))
        named = self._accounts.names.people(user)
        if len(named) > 1:
            raise BadRequest(f"{user!r} is a name that several keys send: say which, {' or '.join(sorted(named))}.")
        if named:
            return Who(user, frozenset(named), names=frozenset({user}))
        if self._known(user):
            return Who(user, frozenset({user}), names=frozenset(self._accounts.names.of(user)))
        raise UnknownPerson(
            f"Nobody here is known as {user!r}: give the name of an account, the id of a person, or what a program "
            "sends as `user`."
        )

    def preview(self, who: Who, policy: Policy | None = None) -> dict[str, Any]:
        """What erasing them would do; nothing is changed."""
        scope, affected, found = self._looked(who)
        adapters = self._unlearning.planned(self._unlearning.learned(found.runs), policy or self._policy)
        return {
            "people": sorted(scope.people),
            "rows": dict(affected.rows),
            "files": found.files,
            "runs": list(found.runs),
            "datasets": dict(found.datasets),
            "adapters": adapters,
            "decisions": len(affected.told),
            "decisions_with_the_name": [dict(row) for row in affected.named],
            "exports": self._exports(scope),
        }

    def erase(self, who: Who, actor: str, *, policy: Policy | None = None, blank: bool = False) -> dict[str, Any]:
        """Erase them and return the signed receipt, with the `salt` that proves whose it is, which is not kept.

        With `blank` the details of decisions that tell their name go, too. Raises LastAdmin.
        """
        with self._lock:
            self._resumed()
            self._check_admin(who)
            salt = secrets.token_hex(16)
            digest = sha256(f"{salt}:{who.told}".encode()).hexdigest()
            with self._learner.held_still(lambda run: self._concerns(run, who), BROKEN_OFF), self._still:
                scope, affected, found = self._looked(who)
                plan = _Plan(
                    erasure_id=f"erasure-{secrets.token_hex(6)}",
                    actor=actor,
                    reason="request",
                    scope=replace(scope, blank=blank),
                    adapters=self._unlearning.planned(self._unlearning.learned(found.runs), policy or self._policy),
                    runs=found.runs,
                    datasets=found.datasets,
                    person_sha256=digest,
                )
                receipt = self._carry_out(plan, affected, found)
        return {**receipt, "salt": salt}

    def expire(self, turns: Iterable[str]) -> str | None:
        """Erase these turns by the policy of retention; returns the id of the erasure, None where there is nothing.

        What adapters learned from them they may keep: nobody objected.
        """
        with self._lock, self._learner.held_still(lambda run: False, ""), self._still:
            if self._learner.lap_running:
                return None  # it reads them; they go the next time
            self._resumed()
            scope = self._store.read(lambda connection: of_turns(connection, turns))
            if scope.empty:
                return None
            found = find(self._home, scope)
            plan = _Plan(f"erasure-{secrets.token_hex(6)}", "learner", "retention", scope, [], [], found.datasets, None)
            self._carry_out(plan, self._affected(scope), found)
            return plan.erasure_id

    def resume(self) -> str | None:
        """Go on with an erasure that a kill or a full disk has broken off; returns its id."""
        with self._lock:
            return self._resumed()

    def erase_me(self, caller: Caller, confirm: str, address: str) -> dict[str, Any]:
        """Erase whoever calls, if they typed their name. Raises BadRequest, TooMany, LastAdmin."""
        if caller.key_id is not None:
            raise BadRequest("A key erases nobody: do it on the account page, or as an admin by POST /v1/erasures.")
        if confirm.strip().casefold() != caller.name.casefold():
            raise BadRequest(f"To confirm, send confirm={caller.name}: everything about you will be gone.")
        self._attempts.count(address)
        person = caller.person
        who = Who(person, frozenset({person})) if caller.account_id is None else self.find(person)
        return self.erase(who, person)

    def retain(self) -> None:
        """Once a day, erase what the policy of retention keeps no longer."""
        (row,) = self._store.rows("SELECT max(\"at\") AS last FROM erasure WHERE reason = 'retention'")
        if row["last"] is None or datetime.now(UTC) - row["last"] >= timedelta(days=1):
            self.expire(expired(self._store, self._retention_days, self._temporary_hours))

    def follow_up(self, *, starts_laps: bool = True) -> None:
        """See to adapters that were to be replaced, and keep those out that were revoked; called again and again."""
        rows = self._store.rows(
            'SELECT *, min("at") OVER (PARTITION BY erasure_id) AS began FROM erasure '
            "WHERE adapters::VARCHAR <> '[]' QUALIFY row_number() OVER (PARTITION BY erasure_id ORDER BY seq DESC) = 1"
        )
        for row in rows:
            now = self._unlearning.overdue(row["adapters"], row["began"], self._retrain_days)
            if now != row["adapters"]:
                self._unlearning.carry_out(now, row["erasure_id"])
                self._follow(row, now)
            elif starts_laps and any(one["fate"] == "retraining" for one in now):
                self._unlearning.retrain(row["began"])
            self._unlearning.keep_out([one["adapter"] for one in now if one["fate"] == "revoked"])

    def all(self) -> list[dict[str, Any]]:
        """Every erasure as it stands, the newest first."""
        return self._store.rows(
            'SELECT erasure_id, reason, actor, removed, datasets, adapters, min("at") OVER (PARTITION BY erasure_id) '
            'AS "at" FROM erasure QUALIFY row_number() OVER (PARTITION BY erasure_id ORDER BY seq DESC) = 1 '
            "ORDER BY min(seq) OVER (PARTITION BY erasure_id) DESC"
        )

    def _carry_out(self, plan: _Plan, affected: Affected, found: Found, *, resumed: bool = False) -> dict[str, Any]:
        folder = self._home / FOLDER
        folder.mkdir(mode=0o700, exist_ok=True)
        write_private(folder / PENDING, plan.to_values())
        texts = [*affected.texts, *found.texts]
        learned = plan.runs if any(one["fate"] == "revoked" for one in plan.adapters) else []
        scrubbed = scrub(self._home, plan.scope, texts, plan.erasure_id, learned).to_values()
        if resumed and self._written(plan.erasure_id):
            seconds = self._store.erase(plan.scope, lambda gone: [])
        else:
            seconds = self._store.erase(plan.scope, lambda gone: self._events(plan, gone, scrubbed))
        self._accounts.forget(plan.scope.accounts, plan.scope.people)
        for forget in self._forget:
            forget()
        self._unlearning.carry_out(plan.adapters, plan.erasure_id)
        left = search(self._home, self._sample(plan.scope, texts))
        receipt = self._receipt(plan, affected, left, seconds, resumed=resumed)
        if plan.reason == "request":
            write_private(folder / f"{plan.erasure_id}.json", receipt)
        (folder / PENDING).unlink()
        return receipt

    def _resumed(self) -> str | None:
        path = self._home / FOLDER / PENDING
        if not path.exists():
            return None
        plan = _Plan.from_values(json.loads(path.read_text()))
        self._carry_out(plan, self._affected(plan.scope), find(self._home, plan.scope), resumed=True)
        return plan.erasure_id

    def _receipt(
        self, plan: _Plan, affected: Affected, left: Sequence[str], seconds: float, *, resumed: bool
    ) -> dict[str, Any]:
        (row,) = self._store.rows("SELECT * FROM erasure WHERE erasure_id = ? ORDER BY seq LIMIT 1", (plan.erasure_id,))
        named = [] if plan.scope.blank else [row_["action"] for row_ in affected.named]
        payload = {
            "document": "Ratchet erasure receipt 1",
            "erasure_id": plan.erasure_id,
            "at": row["at"].isoformat(),
            "person_sha256": plan.person_sha256,
            "removed": row["removed"],
            "datasets": row["datasets"],
            "adapters": row["adapters"],
            # The name in what operators wrote: it stays until an operator decides, see docs/erasure.md.
            "decisions_with_the_name": len(named),
            "exports_before": self._exports(plan.scope),
            "found_again": list(left),
            "seconds_of_writing_paused": round(seconds, 3),
            "resumed": resumed,
        }
        return Signer.open(self._home).sign(payload)

    def _events(self, plan: _Plan, gone: Gone, files: Mapping[str, Any]) -> list[Event]:
        removed = {"store": dict(gone.rows), "decisions": len(gone.blanked), "files": dict(files)}
        datasets = [{"dataset": name, "rows": rows} for name, rows in sorted(plan.datasets.items())]
        erasure = Erasure(
            plan.erasure_id, "erased", plan.reason, plan.actor, removed, datasets, list(plan.adapters)  # type: ignore[arg-type]
        )  # fmt: skip
        detail = {
            "erasure": plan.erasure_id,
            "reason": plan.reason,
            "removed": removed,
            "datasets": datasets,
            "adapters": list(plan.adapters),
            "blanked": list(gone.blanked),
        }
        return [erasure, self._store.audit(ERASED, plan.actor, detail)]

    def _follow(self, row: Mapping[str, Any], adapters: Sequence[dict[str, Any]]) -> None:
        event = Erasure(
            row["erasure_id"], "followed up", row["reason"], "learner", row["removed"], row["datasets"], adapters
        )
        detail = {"erasure": row["erasure_id"], "adapters": list(adapters)}
        self._store.append(event, self._store.audit("erase.follow", "learner", detail))
        path = self._home / FOLDER / f"{row['erasure_id']}.json"
        if path.exists():
            told = {name: value for name, value in json.loads(path.read_text()).items() if name != "signature"}
            write_private(path, Signer.open(self._home).sign({**told, "adapters": list(adapters)}))

    def _looked(self, who: Who) -> tuple[Scope, Affected, Found]:
        scope = self._store.read(lambda connection: of_people(connection, who.people, who.accounts, who.names))
        return scope, self._affected(scope), find(self._home, scope)

    def _affected(self, scope: Scope) -> Affected:
        return self._store.read(lambda connection: affected(connection, scope))

    def _sample(self, scope: Scope, texts: Sequence[str]) -> list[str]:
        """What is searched for in the end: names, and some of the texts, of all lengths, that nobody else said."""
        step = max(1, len(texts) // MOST_TEXTS)
        some = [*(name for name in scope.names if len(name) >= LEAST_NAME), *texts[::step][:MOST_TEXTS]]
        return self._store.read(lambda connection: unsaid(connection, some))

    def _concerns(self, run: Path, who: Who) -> bool:
        """Whether the lap in this folder learns from them, or may: its snapshot has something of theirs."""
        scope = self._store.read(lambda connection: of_people(connection, who.people, who.accounts, ()))
        return find(run.parent.parent, scope, only=run).files > 0

    def _exports(self, scope: Scope) -> int:
        """How many exports were handed out: what became of them this server cannot know."""
        (row,) = self._store.rows("SELECT count(*) AS n FROM audit WHERE action = 'export'")
        return int(row["n"])

    def _known(self, person: str) -> bool:
        sql = " UNION ALL ".join(
            f"SELECT 1 FROM {table} WHERE person = $person"
            for table in ("turn", "feedback", "consent", "conversation", "implicit", "example", "person_name")
        )
        return bool(self._store.rows(f"SELECT * FROM ({sql}) LIMIT 1", {"person": person}))

    def _written(self, erasure_id: str) -> bool:
        return bool(self._store.rows("SELECT 1 FROM erasure WHERE erasure_id = ?", (erasure_id,)))

    def _check_admin(self, who: Who) -> None:
        admins = {one.account_id for one in self._accounts.people.all() if one.role == "admin" and one.active}
        if admins and admins <= who.accounts:
            raise LastAdmin("That is the last admin: make somebody else an admin first.")


def expired(store: Store, days: float, temporary_hours: float) -> list[str]:
    """The turns that the policy of retention keeps no longer; 0 days are for ever."""
    now = datetime.now(UTC)
    rows = store.rows(
        """
        SELECT turn_id FROM turn WHERE ($old IS NOT NULL AND "at" < $old) OR ("at" < $short
            AND (conversation_id, person) IN (SELECT (conversation_id, person) FROM temporary_conversations))
        """,
        {
            "old": now - timedelta(days=days) if days else None,
            "short": now - timedelta(hours=temporary_hours),
        },
    )
    return [str(row["turn_id"]) for row in rows]
