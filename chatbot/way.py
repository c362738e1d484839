"""The way that feedback went, and how it is told in plain words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from learner import Use

ANSWERED = ("stop", "length")  # how an answer ended that can be learned from
_TEACHES = ("vote", "stars", "rewrite", "comparison", "survey", "critique", "appeal")
_SUBJECTS: Mapping[str, tuple[str, str]] = {
    "rewrite": ("Your rewrite", "is"),
    "sibling": ("Your votes on two answers", "are"),
    "comparison": ("Your comparison", "is"),
    "correction": ("A reviewer's correction of this answer", "is"),
    "thumb": ("Your vote", "is"),
    "stars": ("Your stars", "are"),
    "survey": ("Your survey", "is"),
    "critique": ("Your remarks", "are"),
}
_ADAPTERS: Mapping[str, str] = {
    "waiting": "that waits for its experiment",
    "challenger": "that is in an experiment since {since}",
    "live": "that is live since {since}",
    "retired": "that was retired on {since}",
    "rejected": "that was rejected on {since}",
    "rolled back": "that was live and was rolled back on {since}",
    "not served": "that is not served by the model of now",
}


class Kept(NamedTuple):
    """A part of what was said, and whether it `stands`, was `replaced` or was `withdrawn`."""

    what: str
    state: str


@dataclass(frozen=True)
class Judges:
    """The experiment that a vote is part of, and how it stands with it."""

    experiment_id: str
    adapter: str
    arm: str
    state: str | None


@dataclass(frozen=True)
class Decided:
    """What a reviewer decided about an appeal; `corrected` when they wrote a better answer."""

    at: datetime
    filter_right: bool | None
    answer_right: bool | None
    corrected: bool


@dataclass(frozen=True)
class Way:
    """What was kept under a receipt, and where it went; `told` sums it up in plain words."""

    receipt: str
    kind: str
    response_id: str
    at: datetime
    kept: Sequence[Kept]
    consent: bool | None
    group: str
    deleted: bool
    judges: Judges | None
    decided: Decided | None
    runs: Sequence[Use]
    told: str = ""


def tell(way: Way, answered: bool, running: str | None) -> str:
    """The way in a few sentences. `answered` when the answer came to its end, `running` names a run under way."""
    return " ".join(
        [*_decided(way), *_changed(way), *_judges(way), *(_used(way) or [_not_used(way, answered, running)])]
    )


def _decided(way: Way) -> list[str]:
    if way.kind != "appeal":
        return []
    if way.decided is None:
        return ["It waits for a reviewer."] if not way.deleted else []
    found = way.decided
    sentences = [f"A reviewer decided on {_day(found.at)}."]
    if found.filter_right is not None:
        sentences.append(f"The filter was {'right' if found.filter_right else 'wrong'}.")
    if found.answer_right is not None:
        sentences.append(f"The answer was {'right' if found.answer_right else 'wrong'}.")
    return [*sentences, *(["They wrote a better answer."] if found.corrected else [])]


def _changed(way: Way) -> list[str]:
    told = {"replaced": "A later {what} of yours took the place of this one.", "withdrawn": "You took the {what} back."}
    return [told[part.state].format(what=part.what) for part in way.kept if part.state in told]


def _judges(way: Way) -> list[str]:
    stands = any(part.what in ("vote", "stars") and part.state == "stands" for part in way.kept)
    if way.judges is None or not stands:
        return []
    state = {None: "", "running": ", which is running"}.get(way.judges.state, f", which has ended: {way.judges.state}")
    return [f"This vote judges {way.judges.adapter} in the experiment {way.judges.experiment_id}{state}."]


def _used(way: Way) -> list[str]:
    if not way.runs:
        return []
    use = next((use for use in reversed(way.runs) if use.adapter is not None), way.runs[-1])
    subject, verb = _SUBJECTS[use.pair]
    place = "in the data of" if use.used_for == "learning" else "among the pairs that judge the adapter of"
    if use.adapter is None and use.outcome == "reward model":
        what = "which made a reward model and no adapter"
    elif use.adapter is None:
        what = f"which made no adapter: {use.outcome}"
    else:
        now = _ADAPTERS[use.adapter.state].format(since=_day(use.adapter.since))
        what = f"which made {use.adapter.name}; {now}"
    sentences = [f"{subject} {verb} {place} run {use.run_id}, {what}."]
    if len(way.runs) > 1:
        sentences.append(f"{len(way.runs)} runs have used it in all.")
    if way.deleted or not way.consent:
        sentences.append(f"No later run will use it, since you {_left_out(way)}.")
    return sentences


def _not_used(way: Way, answered: bool, running: str | None) -> str:
    teaches = {part.what for part in way.kept if part.state == "stands"} & set(_TEACHES)
    if way.deleted or not way.consent:
        return f"It is kept and not used for learning, since you {_left_out(way)}."
    if not answered:
        return "It is kept and not used for learning, since the answer did not come to its end."
    if not teaches:
        return "It is kept for the people who run this server; no run learns from it."
    if running is not None:
        return f"The run {running} is under way; whether it uses this is known at its end."
    if teaches == {"appeal"}:
        return "No run has learned from it; only a better answer that a reviewer writes is learned from."
    return f"No run has used it yet; the next one can {'learn from it' if way.group == 'learn' else 'be judged by it'}."


def _left_out(way: Way) -> str:
    if way.deleted:
        return "deleted the conversation"
    return "have not agreed to that" if way.consent is None else "do not agree to that"


def _day(at: datetime) -> str:
    return f"{at.day} {at:%B %Y}"
