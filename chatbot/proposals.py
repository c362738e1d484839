"""Changes of thresholds: somebody proposes one from the replay of the log, and an operator approves it as a diff."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from typing import Any

from analytics import Proposal, Store
from chatbot.accounts import Caller
from chatbot.errors import BadRequest, NotAllowed, NotOpen, UnknownProposal
from chatbot.live_policy import LivePolicy
from chatbot.what_if import WhatIfs
from safety import BadPolicy
from safety.change import Change, diff

LONGEST_REASON = 1000
MOST = 50  # proposals that are listed


@dataclass(frozen=True)
class Standing:
    """A proposal as it stands. `diff` is against the policy in force, or says of an approved one what was changed.

    `stale` is why one that is open cannot be approved any more.
    """

    proposal_id: str
    state: str
    proposed_by: str
    decided_by: str | None
    at: datetime
    filter: str
    label: str
    role: str
    action: str
    before: float | None
    threshold: float
    evidence: dict[str, Any]
    reason: str
    diff: str
    stale: str = ""


class Proposals:
    """`operators` names the accounts that may approve. Its calls block, so they are for threads."""

    def __init__(
        self, store: Store, policy: LivePolicy, what_ifs: WhatIfs, operators: Callable[[], Sequence[str]]
    ) -> None:
        self._store, self._policy, self._what_ifs, self._operators = store, policy, what_ifs, operators
        self._lock = threading.Lock()

    def propose(self, caller: Caller, change: Change, days: float, reason: str) -> Standing:
        """Propose a change, with what the replay of the last `days` says of it. Raises BadRequest."""
        if len(reason) > LONGEST_REASON:
            raise BadRequest(f"The reason is too long: at most {LONGEST_REASON} characters are kept.")
        replayed = self._what_ifs.what_if(change, days)
        try:
            change.applied(self._policy.text)
        except BadPolicy as error:
            raise BadRequest(str(error)) from None
        if replayed.before is not None and round(replayed.before, 4) == round(change.threshold, 4):
            raise BadRequest("That is the threshold in force; choose another to propose a change.")
        event = Proposal(
            proposal_id=f"proposal-{secrets.token_hex(6)}",
            state="open",
            actor=who(caller),
            filter_id=change.filter_id,
            label=change.label,
            role=change.role,
            action=change.action,
            before=replayed.before,
            threshold=round(change.threshold, 4),
            evidence=replayed.evidence(),
            reason=reason.strip(),
        )
        detail = {"proposal": event.proposal_id, "before": event.before, **vars(change)}
        self._store.append(event, self._store.audit("policy.propose", event.actor, detail))
        return self.one(event.proposal_id)

    def all(self) -> list[Standing]:
        """The open ones first, then the latest."""
        rows = self._store.rows(
            "SELECT *, first(actor) OVER whole AS proposed_by, last(seq) OVER whole AS newest FROM proposal "
            "WINDOW whole AS (PARTITION BY proposal_id ORDER BY seq ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED "
            "FOLLOWING) QUALIFY seq = newest ORDER BY state <> 'open', seq DESC LIMIT ?",
            (MOST,),
        )
        return [self._standing(row) for row in rows]

    def one(self, proposal_id: str) -> Standing:
        """Raises UnknownProposal."""
        found = next((one for one in self.all() if one.proposal_id == proposal_id), None)
        if found is None:
            raise UnknownProposal(f"There is no proposal {proposal_id!r}.")
        return found

    def approve(self, proposal_id: str, caller: Caller) -> Standing:
        """Write the change into the policy of the home; it holds at once, and for streams that begin from now on.

        Raises UnknownProposal, NotOpen, and NotAllowed for who proposed it while another operator could approve it.
        """
        with self._lock:
            event = self._open(proposal_id)
            actor = who(caller)
            if event.actor == actor and set(self._operators()) - {actor}:
                raise NotAllowed("You proposed this change yourself: another operator has to approve it.")
            before = self._policy.text
            try:
                after = change_of(event).applied(before)
                kept = self._approval(event, actor, before, after)
                self._policy.adopt(after, lambda: self._store.append(*kept))
            except BadPolicy as error:
                raise NotOpen(f"This change cannot be made: {error}") from None
        return self.one(proposal_id)

    def reject(self, proposal_id: str, caller: Caller) -> Standing:
        """Raises UnknownProposal, NotOpen."""
        with self._lock:
            event, actor = self._open(proposal_id), who(caller)
            audit = self._store.audit("policy.reject", actor, {"proposal": proposal_id})
            self._store.append(replace(event, state="rejected", actor=actor), audit)
        return self.one(proposal_id)

    def _approval(self, event: Proposal, actor: str, before: str, after: str) -> list[Any]:
        changed = diff(before, after)
        approved = replace(event, state="approved", actor=actor, evidence={**event.evidence, "diff": changed})
        detail = {"proposal": event.proposal_id, "diff": changed, "sha256": sha256(after.encode()).hexdigest()}
        return [approved, self._store.audit("policy.approve", actor, detail)]

    def _open(self, proposal_id: str) -> Proposal:
        found = {one.proposal_id: one for one in self._store.latest(Proposal, "proposal_id")}.get(proposal_id)
        if found is None:
            raise UnknownProposal(f"There is no proposal {proposal_id!r}.")
        if found.state != "open":
            raise NotOpen(f"This proposal was {found.state} already.")
        if stale := self._stale(change_of(found), found.before):
            raise NotOpen(stale)
        return found

    def _stale(self, change: Change, before: float | None) -> str:
        if self._policy.edited():
            return "The file of the policy was changed by hand; restart the server, so that what it says is in force."
        try:
            now = change.before(self._policy.policy)
        except BadPolicy as error:
            return str(error)
        return "" if now == before else f"The policy has changed since: the threshold is {now} now. Propose it anew."

    def _standing(self, row: dict[str, Any]) -> Standing:
        change, is_open = change_of(row), row["state"] == "open"
        stale = self._stale(change, row["before"]) if is_open else ""
        changed = str(row["evidence"].get("diff", ""))
        if is_open and not stale:
            changed = diff(self._policy.text, change.applied(self._policy.text))
        return Standing(
            proposal_id=row["proposal_id"],
            state=row["state"],
            proposed_by=row["proposed_by"],
            decided_by=None if is_open else row["actor"],
            at=row["at"],
            filter=row["filter_id"],
            label=row["label"],
            role=row["role"],
            action=row["action"],
            before=row["before"],
            threshold=row["threshold"],
            evidence={name: value for name, value in row["evidence"].items() if name != "diff"},
            reason=row["reason"],
            diff=changed,
            stale=stale,
        )


def who(caller: Caller) -> str:
    """Whose proposal it is: an account is the same by its session and by each of its keys."""
    return caller.person if caller.account_id is None else f"account:{caller.account_id}"


def change_of(row: Proposal | dict[str, Any]) -> Change:
    """What a proposal would change."""
    values = row if isinstance(row, dict) else vars(row)
    return Change(*(values[name] for name in ("filter_id", "label", "role", "action", "threshold")))
