"""From what people said to a frozen dataset of pairs and ratings, and the manifest that says how it came about."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from learner.dataset.dataset import ID_LETTERS, Dataset, content_sha256
from learner.dataset.duplicates import without_duplicates
from learner.dataset.manifest import Lesson, Side, by_source, source, steps_taken, told_of
from learner.dataset.placeholders import Masked
from learner.dataset.replay import Accepted
from learner.dataset.rows import all_rows
from learner.dataset.topics import cap_topics
from learner.errors import FirewallBroken
from learner.lessons import Rating
from learner.pair import Pair
from learner.people import SHARES, person_group
from learner.settings import LapSettings
from learner.trust import CAPS, STEPS, Named, Report, Row, anchored, approval, last_event, read_record, through
from learner.trust.quarantine import to_values
from learner.trust.record import Record

BEFORE: tuple[Named, ...] = (
    *STEPS,
    Named("duplicates", without_duplicates, ("duplicate_similarity",), names=False),
)
# On each side and each kind by themselves. Raters are weighed last: see `learner.trust.steps`.
SIDE: tuple[Named, ...] = (
    *CAPS[:-1],
    Named("topics", cap_topics, ("topic_rows", "topic_share"), names=False),
    CAPS[-1],
)


def curate(
    events: Path,
    settings: LapSettings,
    *,
    groups: tuple[int, int, int] = SHARES,
    without: frozenset[str] = frozenset(),
    model: str = "",
    now: datetime | None = None,
    shelf: Path | None = None,
) -> Dataset:
    """Choose the rows from a snapshot of the store: only of people who agreed, and none of the people in `without`.

    The learn group's rows and reviewers' corrections teach; those of the other two groups judge, but for turns that a
    reviewer corrected. Both pass the steps of `learner.trust` first. `model` is the folder of the model, whose clean
    pairs may be mixed in, `now` the time at which accounts have their age (of the snapshot's last event if left out),
    and `shelf` the folder of earlier datasets. The same snapshot and settings give the same rows. Raises FirewallBroken
    where one person or one turn would do both, BadFile.
    """
    seq, at = last_event(events)
    record, accepted = read_record(events, now or at), Accepted(events, shelf)
    rows = all_rows(events, without, settings, groups)
    # Who was assigned under another split may have been served as a judge before: they do neither.
    steady = [row for group, row in rows if person_group(row.lesson.person, groups) == group]
    trusted, reports, holds = through(BEFORE, steady, record, settings)
    teaches, judges = _split(trusted, groups)
    teaches, replayed = accepted.first(teaches, settings)
    masked = Masked()
    learn = _side(teaches, record, settings, masked)
    judge = _side(judges, record, settings, masked)
    _hold_apart([*learn.pairs, *learn.ratings], [*judge.pairs, *judge.ratings])
    anchor, mixed = anchored(learn.pairs, model, settings) if settings.defences and learn.pairs else ([], "")
    needs = approval([*learn.pairs, *learn.ratings], settings) if settings.defences else None
    digest = content_sha256(learn.pairs, anchor, judge.pairs, learn.ratings, judge.ratings)
    before = {"other_split": len(rows) - len(steady), "corrected": len(trusted) - len(teaches) - len(judges)}
    manifest: dict[str, object] = {
        "created": datetime.now(UTC).isoformat(),
        "id": digest[:ID_LETTERS],
        "dataset_sha256": digest,
        "seq": seq,
        "instant": (now or at).isoformat(),
        **source(events, groups, without, model),
        "settings": _read_settings(settings),
        "gathered": by_source(row.lesson for _, row in rows),
        **steps_taken(before, reports, learn, judge),
        "quarantine": [to_values(hold) for hold in {hold.group: hold for hold in holds}.values()],
        "replay": accepted.told(replayed),
        "placeholders": {"rows": masked.rows, "kinds": dict(sorted(masked.counts.items()))},
        **told_of(learn, judge, settings.seed),
        "anchor": {"pairs": len(anchor), "reason": mixed},
        "approval": needs,
    }
    return Dataset(learn.pairs, judge.pairs, anchor, needs, digest, manifest, learn.ratings, judge.ratings)


def _side(rows: Sequence[Row], record: Record, settings: LapSettings, masked: Masked) -> Side:
    """The caps, the quotas, the weights and the placeholders, for pairs and for ratings."""
    paired, of_pairs, _ = through(SIDE, [row for row in rows if isinstance(row.lesson, Pair)], record, settings)
    alone = [row for row in rows if isinstance(row.lesson, Rating)]
    known = set().union(*(_answers(row.lesson) for row in paired))
    # An answer of a pair that is learned would count twice, and may have been judged otherwise in a hurry.
    single = [row for row in alone if not known & _answers(row.lesson)]
    rated, of_ratings, _ = through(SIDE, single, record, settings)
    of_ratings.append(_report("in_a_pair", "the answer is in a pair of its person", ratings=len(alone) - len(single)))
    # The order of the events, which the replay has changed.
    in_order = sorted((*paired, *rated), key=lambda row: (row.seq, row.lesson.turn_id))
    pairs = [masked.pair(row.lesson) for row in in_order if isinstance(row.lesson, Pair)]
    kept = [pair for pair in pairs if pair is not None]
    same = "only personal data made the difference"
    of_pairs.append(_report("placeholders", same, pairs=len(pairs) - len(kept)))
    ratings = [masked.rating(row.lesson) for row in in_order if isinstance(row.lesson, Rating)]
    return Side(kept, ratings, of_pairs, of_ratings)


def _report(step: str, reason: str, *, pairs: int = 0, ratings: int = 0) -> Report:
    taken = pairs + ratings
    return Report(step, taken, pairs, ratings, {reason: taken} if taken else {}, {})


def _read_settings(settings: LapSettings) -> dict[str, object]:
    """The settings that a dataset depends on."""
    names = {name for step in (*BEFORE, *SIDE) for name in step.settings}
    more = ("replay_share", "implicit_weight", "anchor_people", "anchor_file", "defences", "seed")
    return {name: getattr(settings, name) for name in sorted((*names, *more))}


def _split(rows: Sequence[Row], groups: tuple[int, int, int]) -> tuple[list[Row], list[Row]]:
    def teaches(row: Row) -> bool:
        return row.lesson.source == "correction" or person_group(row.lesson.person, groups) == "learn"

    learn = [row for row in rows if teaches(row)]
    # An answer that a reviewer corrected may have won or lost a comparison of its person as well: then it only teaches.
    taught = _taught([row.lesson for row in learn])
    return learn, [row for row in rows if not teaches(row) and not taught & _answers(row.lesson)]


def _hold_apart(learn: Sequence[Lesson], judge: Sequence[Lesson]) -> None:
    teachers = {lesson.person for lesson in learn if lesson.source != "correction"}
    if both := teachers & {lesson.person for lesson in judge}:
        raise FirewallBroken(f"{len(both)} people would both teach the model and judge it; nothing is trained.")
    taught = _taught(learn)
    if any(taught & _answers(lesson) for lesson in judge):
        raise FirewallBroken("A turn that teaches the model would judge it as well; nothing is trained.")


def _answers(lesson: Lesson) -> set[tuple[str, str, str]]:
    """Every answer of a pair or a rating, each with who got it and to what."""
    prompt = json.dumps(lesson.prompt, sort_keys=True)
    texts = (lesson.chosen, lesson.rejected) if isinstance(lesson, Pair) else (lesson.completion,)
    return {(lesson.person, prompt, text) for text in texts}


def _taught(learn: Sequence[Lesson]) -> set[tuple[str, str, str]]:
    return set().union(*map(_answers, learn))
