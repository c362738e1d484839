"""What can become of an adapter, in one table: every move is checked against it when it is recorded."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, get_args

from learner.errors import BadMove

State = Literal["trained", "gated", "rejected", "challenger", "champion", "retired", "revoked"]
"""`trained` is a copy that no gate has seen, `gated` passed its gates and waits, `rejected` failed them or could not be
served. Whoever was live and is no more is `retired`; what is `revoked` is never served again."""

STATES: tuple[State, ...] = get_args(State)

MOVES: Mapping[State | None, frozenset[State]] = MappingProxyType(
    {
        None: frozenset({"trained", "gated", "rejected"}),
        "trained": frozenset({"challenger", "champion", "rejected", "revoked"}),
        "gated": frozenset({"challenger", "champion", "rejected", "revoked"}),
        "challenger": frozenset({"champion", "retired", "rejected", "revoked"}),
        "champion": frozenset({"retired", "rejected", "revoked"}),
        # By a rollback, or by an operator with a reason.
        "retired": frozenset({"challenger", "champion", "rejected", "revoked"}),
        # By an operator with a reason, or where the file that was broken is whole again.
        "rejected": frozenset({"champion", "revoked"}),
        "revoked": frozenset(),
    }
)


def check_move(adapter: str, before: str | None, after: State, reason: str) -> None:
    """Raise BadMove unless the table allows the move and somebody says why."""
    if after not in MOVES[before]:  # type: ignore[index]
        now = "not registered" if before is None else before
        allowed = ", ".join(sorted(MOVES[before])) or "nothing else"  # type: ignore[index]
        raise BadMove(f"{adapter} is {now} and cannot become {after}; it can become {allowed}.")
    if not reason.strip():
        raise BadMove(f"{adapter} cannot become {after} without a reason.")
