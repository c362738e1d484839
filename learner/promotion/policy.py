"""What a winner still needs before it goes to anybody else: people who approve of it, and a signal beside the votes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from analytics import Approval, Store
from learner.errors import AlreadyChampion, BadAdapter, NoSignal, NotApproved
from learner.registry import Registry
from learner.settings import LearnerSettings

LONGEST_REASON = 1000


class Signal(Protocol):
    """Whether a side-by-side by reviewers or by a calibrated judge holds the challenger to be no worse, and why."""

    @property
    def holds(self) -> bool:
        """Whether it does."""

    @property
    def reason(self) -> str:
        """In a sentence."""


@dataclass(frozen=True)
class NoSideBySide:
    """The signal of a server on which nobody compares."""

    holds: bool = False
    reason: str = "There is no side-by-side yet."


Signals = Callable[[Store, str, str], Signal]
"""The signal for an adapter beside the champion."""


def no_side_by_side(store: Store, adapter: str, champion: str) -> Signal:
    """Nobody has compared anything."""
    return NoSideBySide()


class Policy:
    """`may_approve` says whether somebody's approval counts: an operator's does, while they are one."""

    def __init__(
        self,
        store: Store,
        registry: Registry,
        settings: LearnerSettings,
        signals: Signals = no_side_by_side,
        may_approve: Callable[[str], bool] = lambda person: True,
    ) -> None:
        self._store, self._registry, self._settings = store, registry, settings
        self._signals, self._may_approve = signals, may_approve

    def why_a_person(self, adapter: str) -> str | None:
        """Why a person has to approve of the adapter, whatever `promotion` says; None where nobody has to."""
        try:
            return self._registry.approval(adapter)
        except BadAdapter as error:  # nobody knows who taught it
            return str(error)

    def needed(self, adapter: str) -> int:
        """How many people have to approve of it."""
        by_setting = {"auto": 0, "ask": 1, "two-person": 2}[self._settings.promotion]
        return max(by_setting, 1 if self.why_a_person(adapter) else 0)

    def approvals(self, adapter: str) -> list[dict[str, Any]]:
        """Who approves of it in place of the present champion, the first first: person, name, reason, at."""
        rows = self._store.rows(
            """
            SELECT person, name, reason, action, "at" FROM approval WHERE adapter = ? AND champion = ?
            QUALIFY row_number() OVER (PARTITION BY person ORDER BY seq DESC) = 1 ORDER BY seq
            """,
            (adapter, self._registry.state().champion.adapter),
        )
        standing = (row for row in rows if row["action"] == "approve" and self._may_approve(str(row["person"])))
        return [{name: row[name] for name in ("person", "name", "reason", "at")} for row in standing]

    def approve(self, adapter: str, person: str, name: str, reason: str = "") -> None:
        """Record that `person` approves. Raises NotApproved where it does not count, UnknownAdapter, BadAdapter."""
        self._registry.arm(adapter)
        if adapter == self._registry.state().champion.adapter:
            raise AlreadyChampion(adapter)
        self._must_count(person)
        if any(one["person"] == person for one in self.approvals(adapter)):
            raise NotApproved(f"You approve of {adapter} already; another person has to.")
        self._record(adapter, person, name, "approve", reason)

    def withdraw(self, adapter: str, person: str, name: str, reason: str = "") -> None:
        """Take an approval back. Raises NotApproved where there is none, UnknownAdapter."""
        self._registry.folder(adapter)
        if all(one["person"] != person for one in self.approvals(adapter)):
            raise NotApproved(f"There is no approval of yours for {adapter} to take back.")
        self._record(adapter, person, name, "withdraw", reason)

    def signal(self, adapter: str) -> Signal:
        """What reviewers or a judge say of it beside the present champion."""
        return self._signals(self._store, adapter, self._registry.state().champion.adapter)

    def waits(self, adapter: str, clicked: str | None = None) -> str | None:
        """What the adapter still waits for, once it has won; None for nothing. Whoever `clicked` approves by that."""
        told = [self._missing(adapter, clicked), self._unsigned(adapter)]
        return " ".join(one for one in told if one) or None

    def check(self, adapter: str, person: str, overrides: bool) -> None:
        """Raise NotApproved or NoSignal where `person` may not promote it now. With a reason nobody asks for a signal.

        A reason takes the place of the signal and of the experiment, but not of a second person.
        """
        if self._settings.promotion == "two-person":
            self._must_count(person)
        missing = self._missing(adapter, person) if not overrides or self._settings.promotion == "two-person" else None
        if missing is not None:
            raise NotApproved(f"{missing} `./ratchet approve {adapter}` or the operate page does that.")
        if not overrides and (unsigned := self._unsigned(adapter)) is not None:
            raise NoSignal(adapter, unsigned)

    def _must_count(self, person: str) -> None:
        if not self._may_approve(person):
            raise NotApproved(
                "An approval has to come from an operator's account: sign in to the operate page, or give a key of "
                "your own with --key. The key in the home is nobody's."
            )

    def _missing(self, adapter: str, clicked: str | None) -> str | None:
        needed = self.needed(adapter)
        people = {str(one["person"]) for one in self.approvals(adapter)} | ({clicked} if clicked else set())
        if len(people) >= needed:
            return None
        told = "an operator has" if needed - len(people) == 1 else "two operators have"
        more = "another operator has" if people else told
        return f"{adapter} waits for approval: {more} to approve of it ({len(people)} of {needed})."

    def _unsigned(self, adapter: str) -> str | None:
        if self._settings.promotion_signal == "off":
            return None
        signal = self.signal(adapter)
        return None if signal.holds else signal.reason

    def _record(
        self, adapter: str, person: str, name: str, action: Literal["approve", "withdraw"], reason: str
    ) -> None:
        given = Approval(
            adapter=adapter,
            champion=self._registry.state().champion.adapter,
            person=person,
            name=name,
            action=action,
            reason=reason.strip()[:LONGEST_REASON],
        )
        told = {"adapter": adapter, "champion": given.champion, "name": name, "reason": given.reason}
        self._store.append(given, self._store.audit(f"promotion.{action}", person, told))
