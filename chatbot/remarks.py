"""What people write about an answer passes the filters before it is kept, for it may be learned from and exported."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from analytics import Flag, Store, Turn, queries
from chatbot.errors import BadRequest, NotScreened, NotYours, UnknownResponse
from safety import CONCERNS, HELP, Context, Decision, Screen, Screening, Verdict

Role = Literal["input", "output"]


@dataclass(frozen=True)
class Remark:
    """A text as it may be kept, None when there is none, and what a reviewer should look at because of it."""

    text: str | None
    flags: Sequence[Flag] = ()


def own_turn(store: Store, person: str, response_id: str, may: str) -> Turn:
    """The turn that `person` says something about; `may` is what, for messages. Raises UnknownResponse, NotYours."""
    turn = store.asked(response_id)
    if turn is None or queries.deleted(store, turn.conversation_id):
        raise UnknownResponse(f"There is no response {response_id!r}; send the id of an answer.")
    if turn.person != person:
        raise NotYours(f"Only the person who got an answer can {may}.")
    return turn


def screened(screen: Screen, text: str | None, name: str, role: Role, turn: Turn, person: str) -> Remark:
    """Show the filters what `person` wrote about `turn`: as `output` what is to stand for an answer, else as `input`.

    `name` is what the text is called in messages. Raises BadRequest when a filter blocks, and
    NotScreened when one could not look. Not for the event loop.
    """
    if not text:
        return Remark(None)
    seen = screen.check_in_thread(text, Context(role, person, turn.conversation_id))
    if seen.decision is Decision.BLOCK and not (role == "input" and _calls_for_help(seen)):
        if seen.decisive is not None and seen.decisive.failed:
            raise NotScreened(f"The filters could not look at the {name} just now, so it is not kept; try again.")
        raise BadRequest(f"The {name} was stopped by a safety filter and is not kept; say it in other words.")
    return Remark(seen.text, flags(turn.turn_id, seen.verdicts, name))


def flags(turn_id: str, verdicts: Sequence[Verdict], place: str = "") -> list[Flag]:
    """What makes a reviewer look at a turn; `place` is where in it something was found, the message if empty."""
    where = f" in the {place}" if place else ""
    return [
        Flag(
            turn_id,
            "filter",
            None,
            f"{verdict.filter_id}: {verdict.category}{where}",
            place=place or "message",
            filter_id=verdict.filter_id,
            filter_version=verdict.filter_version,
            decision=str(verdict.decision),
            label=verdict.label or verdict.category,
            category=verdict.category,
            score=round(verdict.score, 4),
            threshold=verdict.threshold,
        )
        for verdict in verdicts
        if verdict.decision in CONCERNS and not verdict.shadow
    ]


def _calls_for_help(seen: Screening) -> bool:
    """Somebody who says that they may harm themselves is heard: it is kept, and a person looks at it."""
    return seen.decisive is not None and seen.decisive.category.startswith(HELP)
