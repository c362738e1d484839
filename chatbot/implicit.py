"""Weak signs of what somebody thought of an answer. They are kept apart from votes, and nothing is learned from them.

A client reports what only it can see, such as a copy. The rest the server notices by itself: `noticed` tells what a
turn says about the answer before it, and about its own. Complaints are found by a few patterns, in English only: they
miss most of them, and "that's wrong, said my sister" is taken for one. So read counts, not cases.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping, Sequence
from typing import Literal, get_args

from analytics import AnalyticsError, Implicit, Store, Turn, queries
from chatbot.errors import BadRequest
from chatbot.remarks import own_turn, screened
from safety import Screen

Kind = Literal["copy", "regenerate", "abandon", "complaint"]
KINDS: tuple[Kind, ...] = get_args(Kind)
LONGEST = 2_000  # characters of a detail
_LOOKED_AT = 300  # characters of a message: people complain first, and long messages quote others

# Where a sentence or a part of one begins: what is wrong in the middle of one is seldom the answer.
_BEGIN = r"(?:^|[.!?;:,]\s*)(?:(?:no|nope|but|sorry|well|hm+|i think|i'm afraid),? )*"
_IT = r"(?:that|this|it|your answer)"
_IS = r"(?:'s|'re| is| are| was)(?: just| simply| completely| totally| still)?"
_IS_NOT = r"(?:'s not|'re not| is not| are not| was not| isn't| aren't| wasn't)"
_DID_NOT = r"(?:doesn't|does not|didn't|did not)"
_HAVE_NOT = r"(?:didn't|did not|haven't|have not|never)"

# By the name that is kept as the detail.
_COMPLAINTS: Mapping[str, Sequence[str]] = {
    "wrong": (
        rf"{_BEGIN}{_IT}{_IS} (?:wrong|incorrect|false|untrue)\b",
        rf"{_BEGIN}{_IT}{_IS_NOT} (?:right|correct|true)\b",
        rf"{_BEGIN}you(?:'re| are) (?:still )?wrong\b",
        r"^(?:no,? )?wrong(?:[.!,]|$)",
    ),
    "misunderstood": (
        r"^(?:no|nope),? (?:i (?:meant|mean|said|asked|was asking)|not that)\b",
        rf"{_BEGIN}(?:that|this){_IS_NOT} what i (?:meant|mean|asked|said|wanted|want)\b",
        rf"{_BEGIN}you(?:'ve| have)? (?:misunderstood|misread)\b",
        rf"{_BEGIN}i (?:didn't|did not) (?:ask for|ask|mean|say) that\b",
    ),
    "not answered": (
        rf"{_BEGIN}you (?:still )?{_HAVE_NOT} (?:really |actually )?answer(?:ed)?\b",
        rf"{_BEGIN}(?:that|this) {_DID_NOT} (?:really )?answer (?:my|the) question\b",
        r"^(?:please )?(?:just )?answer my question\b",
    ),
    "not helpful": (
        rf"{_BEGIN}(?:that|this|you){_IS_NOT} (?:helpful|helping|useful)\b",
        rf"{_BEGIN}(?:that|this|you){_IS} (?:no help|useless)\b",
        rf"{_BEGIN}(?:that|this|it) {_DID_NOT} (?:help|work)\b",
    ),
}
_PATTERNS = {name: re.compile("|".join(rules), re.IGNORECASE) for name, rules in _COMPLAINTS.items()}
_APOSTROPHES = str.maketrans("’ʼ`´", "''''")


def complaint(message: str) -> str | None:
    """What a message complains of, by the name of a pattern; None when none of them matches. English only."""
    text = " ".join(message[:_LOOKED_AT].translate(_APOSTROPHES).split())
    return next((name for name, pattern in _PATTERNS.items() if pattern.search(text)), None)


def noticed(store: Store, turn: Turn, *, finish_reason: str | None = None, again: str | None = None) -> list[Implicit]:
    """What the server can tell by itself once a turn is over, to be appended by the caller.

    `finish_reason` is that of its answer, `again` the answer that was asked for once more (the first answer to the same
    message if left out). The store is read only where the message is a complaint; the call blocks then.
    """
    asked_again = again or turn.sibling_of
    what = complaint_of(turn) if asked_again is None else None
    before = what and queries.turn_before(store, turn.person, turn.conversation_id, turn.turn_id)
    complaints = [Implicit(before, turn.person, "complaint", what, "server")] if before else []
    return [*complaints, *seen(turn, finish_reason, asked_again)]


def complaint_of(turn: Turn) -> str | None:
    """What the turn's question complains of; nothing where it only asks for an answer once more."""
    return None if turn.sibling_of is not None else complaint(turn.messages[-1]["content"])


def seen(turn: Turn, finish_reason: str | None, asked_again: str | None) -> list[Implicit]:
    """What the turn itself shows, without a look into the store."""
    found: list[Implicit] = []
    if asked_again is not None:
        found.append(Implicit(asked_again, turn.person, "regenerate", None, "server"))
    if finish_reason == "cancelled":
        found.append(Implicit(turn.turn_id, turn.person, "abandon", None, "server"))
    return found


def note(store: Store, turn: Turn, *, finish_reason: str | None = None, again: str | None = None) -> None:
    """Append what is `noticed` without waiting for it to be durable: it is only a weak sign. For a thread."""
    with contextlib.suppress(AnalyticsError):
        keep(store, noticed(store, turn, finish_reason=finish_reason, again=again))


def keep(store: Store, found: Sequence[Implicit]) -> None:
    """Queue what was found. A store that is closed meanwhile takes nothing, and nobody minds."""
    with contextlib.suppress(AnalyticsError):
        if found:
            store.submit(*found)


class Implicits:
    """Keeps what clients report. Its calls block, so they are for threads."""

    def __init__(self, store: Store, screen: Screen) -> None:
        self._store, self._screen = store, screen

    def report(self, person: str, response_id: str, kind: Kind, detail: str | None = None) -> None:
        """Keep a weak sign of `person` about an answer of theirs. Raises UnknownResponse, NotYours, BadRequest."""
        if kind not in KINDS:
            raise BadRequest(f"The kind must be one of {', '.join(KINDS)}.")
        if detail is not None and len(detail) > LONGEST:
            raise BadRequest(f"The detail is too long: {len(detail)} characters, at most {LONGEST} are kept.")
        turn = own_turn(self._store, person, response_id, "say what became of it")
        remark = screened(self._screen, (detail or "").strip() or None, "detail", "input", turn, person)
        self._store.append(Implicit(response_id, person, kind, remark.text, "client"), *remark.flags)
