"""What a reviewer says about the filters: which findings were right, or of another category, and what was missed."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from analytics import Judgement, Store, queries
from chatbot.errors import BadRequest

Judged = Literal["right", "wrong", "other"]
Place = Literal["message", "answer"]
_DECISIONS = {"block": 0, "review": 1}  # what a person should look at, the decisive first


@dataclass(frozen=True)
class Finding:
    """Something that a filter found in a turn: `place` is message, answer, or what somebody wrote about it."""

    place: str
    filter: str
    version: str
    decision: str
    label: str
    category: str
    score: float
    threshold: float


@dataclass(frozen=True)
class VerdictJudged:
    """A reviewer's word on one finding; of several of a filter in one place, `category` says which."""

    place: str
    filter: str
    judged: Judged
    category: str | None = None
    true_category: str | None = None


@dataclass(frozen=True)
class Missed:
    """A category that no filter found where it should have."""

    place: Place
    category: str


def findings(store: Store, turn_id: str) -> list[Finding]:
    """What a reviewer of the turn should look at: the decisive finding first, the message before the answer."""
    row = queries.turn(store, turn_id) or {}
    said = [_of_verdict("message", verdict) for verdict in row.get("verdicts") or () if _concerns(verdict)]
    said += [_of_verdict("answer", verdict) for verdict in row.get("reply_verdicts") or () if _concerns(verdict)]
    said += [_of_flag(flag) for flag in queries.remarks_found(store, turn_id)]
    once = {(finding.place, finding.filter, finding.label): finding for finding in said}
    return sorted(once.values(), key=lambda finding: _DECISIONS[finding.decision])


def judgements(
    turn_id: str,
    reviewer: str,
    found: Sequence[Finding],
    *,
    filter_right: bool | None,
    verdicts: Sequence[VerdictJudged],
    missed: Sequence[Missed],
    known: Sequence[str],
) -> list[Judgement]:
    """The events of a decision. `filter_right` is about the decisive finding, unless `verdicts` says more of it.

    Without any finding it says that nothing was to be found. `known` are the categories there are. Raises BadRequest.
    """
    said = {_place_of(found, verdict): verdict for verdict in verdicts}
    if filter_right is not None and found:
        said.setdefault(0, VerdictJudged(found[0].place, found[0].filter, "right" if filter_right else "wrong"))
    for verdict in said.values():
        _check(verdict, known)
    for miss in missed:
        _check_category(miss.category, known, "missed")
    decision_id = f"decision-{secrets.token_hex(8)}"

    def event(judged: Any, **more: Any) -> Judgement:  # noqa: ANN401
        return Judgement(decision_id, turn_id, reviewer, judged, **more)

    events = [
        event(
            verdict.judged,
            place=found[place].place,
            filter_id=found[place].filter,
            filter_version=found[place].version,
            label=found[place].label,
            category=found[place].category,
            true_category=verdict.true_category,
        )
        for place, verdict in sorted(said.items())
    ]
    events += [event("missed", place=miss.place, true_category=miss.category) for miss in missed]
    return events or ([event("passed")] if filter_right and not found else [])


def whole(filter_right: bool | None, events: Sequence[Judgement]) -> bool | None:
    """Whether the filters were right in all that was judged; None where nothing was."""
    return all(event.judged in ("right", "passed") for event in events) if events else filter_right


def _place_of(found: Sequence[Finding], verdict: VerdictJudged) -> int:
    meant = [
        place
        for place, finding in enumerate(found)
        if (finding.place, finding.filter) == (verdict.place, verdict.filter)
        and verdict.category in (None, finding.category, finding.label)
    ]
    if len(meant) != 1:
        few = "nothing" if not meant else "more than one thing, so name its category"
        raise BadRequest(f"The filter {verdict.filter!r} found {few} in the {verdict.place} of this turn.")
    return meant[0]


def _check(verdict: VerdictJudged, known: Sequence[str]) -> None:
    if (verdict.judged == "other") != (verdict.true_category is not None):
        raise BadRequest("A verdict that is judged 'other' needs its true_category, and no other verdict has one.")
    if verdict.true_category is not None:
        _check_category(verdict.true_category, known, "true_category")


def _check_category(category: str, known: Sequence[str], name: str) -> None:
    if category not in known:
        raise BadRequest(f"{name} is {category!r}; it must be one of {', '.join(known)}.")


def _concerns(verdict: Mapping[str, Any]) -> bool:
    return verdict["decision"] in _DECISIONS and not verdict.get("shadow")


def _of_verdict(place: str, verdict: Mapping[str, Any]) -> Finding:
    category = verdict.get("category", "")
    return Finding(
        place=place,
        filter=verdict["filter_id"],
        version=verdict["filter_version"],
        decision=verdict["decision"],
        label=verdict.get("label", category),
        category=category,
        score=verdict.get("score", 0.0),
        threshold=verdict.get("threshold", 0.0),
    )


def _of_flag(flag: Mapping[str, Any]) -> Finding:
    names = ("decision", "label", "category", "score", "threshold")
    return Finding(flag["place"], flag["filter_id"], flag["filter_version"], *(flag[name] for name in names))


def as_values(found: Sequence[Finding]) -> list[dict[str, Any]]:
    """The findings as JSON."""
    return [asdict(finding) for finding in found]
