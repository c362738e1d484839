"""Whether the policy in force is the one that was approved last: its hash is on the audit chain."""

from __future__ import annotations

from hashlib import sha256

from analytics import Proposal, Store
from chatbot.live_policy import LivePolicy
from chatbot.proposals import change_of
from safety import BadPolicy

UNWRITTEN = (
    "The change of a threshold that was approved last ({proposal}) is not in force, and {file} is as before it: the "
    "server ended before the file was written, or somebody put the old one back. To make the change, propose it anew."
)
BY_HAND = (
    "The policy in force is not the one that was approved last ({proposal}): {file} was changed by hand since. If "
    "nobody meant to, take back what differs; the next change that is approved makes it the approved one."
)


class PolicyTrail:
    """Compares when it is asked first, and again when the policy in force is another."""

    def __init__(self, store: Store, policy: LivePolicy) -> None:
        self._store, self._policy = store, policy
        self._of, self._told = "", ""

    def trouble(self) -> str:
        """What is not as it was approved, and what to do; empty where all is well or nothing was ever approved."""
        if (now := self._policy.sha256) != self._of:
            self._of, self._told = now, self._look(now)
        return self._told

    def _look(self, now: str) -> str:
        rows = self._store.rows("SELECT detail FROM audit WHERE action = 'policy.approve' ORDER BY seq DESC LIMIT 1")
        if not rows or rows[0]["detail"]["sha256"] == now:
            return ""
        detail = rows[0]["detail"]
        told = UNWRITTEN if self._would_be(detail["proposal"]) == detail["sha256"] else BY_HAND
        return told.format(proposal=detail["proposal"], file=self._policy.path.name)

    def _would_be(self, proposal_id: str) -> str | None:
        """The hash of the policy in force with that proposal made; None where it cannot be made."""
        latest = {one.proposal_id: one for one in self._store.latest(Proposal, "proposal_id")}
        try:
            text = change_of(latest[proposal_id]).applied(self._policy.text)
        except (KeyError, BadPolicy):
            return None
        return sha256(text.encode()).hexdigest()
