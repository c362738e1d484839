"""From what people said to a frozen dataset of pairs and ratings, and the manifest that says how it came about."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple, get_args

from analytics.pairs import examples_sql, pairs_sql, ratings_sql, rules_sha256
from learner.dataset.dataset import ID_LETTERS, Dataset, content_sha256
from learner.dataset.duplicates import without_duplicates
from learner.dataset.noise import label_noise
from learner.dataset.placeholders import Masked
from learner.dataset.replay import Accepted
from learner.dataset.rows import all_rows
from learner.dataset.topics import cap_topics, topics
from learner.errors import FirewallBroken
from learner.lessons import Rating
from learner.pair import Pair, Source
from learner.people import SHARES, person_group
from learner.settings import LapSettings
from learner.trust import CAPS, STEPS, Hold, Named, Report, Row, anchored, approval, last_event, read_record, through
from learner.trust.quarantine import to_values
from learner.trust.record import Record
from learner.trust.texts import prompt_text

_RULES = {"pairs": pairs_sql, "ratings": ratings_sql, "examples": examples_sql}
MOST_PEOPLE_SHOWN = 1000  # in a manifest, by name
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

Lesson = Pair | Rating


class _Side(NamedTuple):
    """What is left of a side, and what the steps say of its pairs and of its ratings."""

    pairs: list[Pair]
    ratings: list[Rating]
    of_pairs: list[Report]
    of_ratings: list[Report]


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
        **_source(events, groups, without, model),
        "settings": _read_settings(settings),
        "gathered": _by_source(row.lesson for _, row in rows),
        "dropped": {
            **before,
            **_taken([*reports, *learn.of_pairs, *learn.of_ratings, *judge.of_pairs, *judge.of_ratings]),
        },
        "steps": [asdict(report) for report in (*reports, *learn.of_pairs)],
        "steps_of_judge": [asdict(report) for report in judge.of_pairs],
        "steps_of_ratings": [asdict(report) for report in learn.of_ratings],
        "steps_of_judge_ratings": [asdict(report) for report in judge.of_ratings],
        "quarantine": [to_values(hold) for hold in _merged(holds)],
        "replay": accepted.told(replayed),
        "placeholders": {"rows": masked.rows, "kinds": dict(sorted(masked.counts.items()))},
        "label_noise": label_noise(
            [pair for pair in learn.pairs if pair.source in ("sibling", "comparison", "import")], settings.seed
        ),
        "topics": _topics(learn, settings),
        "anchor": {"pairs": len(anchor), "reason": mixed},
        "approval": needs,
        "learn": _summary(learn.pairs, "pairs"),
        "judge": _summary(judge.pairs, "pairs"),
        "ratings": _summary(learn.ratings, "ratings"),
        "judge_ratings": _summary(judge.ratings, "ratings"),
    }
    return Dataset(learn.pairs, judge.pairs, anchor, needs, digest, manifest, learn.ratings, judge.ratings)


def _side(rows: Sequence[Row], record: Record, settings: LapSettings, masked: Masked) -> _Side:
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
    return _Side(kept, ratings, of_pairs, of_ratings)


def _report(step: str, reason: str, *, pairs: int = 0, ratings: int = 0) -> Report:
    taken = pairs + ratings
    return Report(step, taken, pairs, ratings, {reason: taken} if taken else {}, {})


def _taken(reports: Sequence[Report]) -> dict[str, int]:
    taken: Counter[str] = Counter()
    for report in reports:
        taken[report.step] += report.taken
    return dict(taken)


def _merged(holds: Sequence[Hold]) -> list[Hold]:
    return list({hold.group: hold for hold in holds}.values())


def _source(events: Path, groups: tuple[int, int, int], without: frozenset[str], model: str) -> dict[str, object]:
    """What the rows were chosen from, and by which rules."""
    return {
        "query": {
            "rules": {name: sql(str) for name, sql in _RULES.items()},
            "parameters": ["without", "surveys", "praise", "implicit"],
        },
        "rules_sha256": rules_sha256(),
        "events_sha256": {
            path.name: sha256(path.read_bytes()).hexdigest() for path in sorted(events.glob("*.parquet"))
        },
        "consent": "the latest answer of the person is yes; for imports whoever imported has vouched",
        "groups": groups,
        "model": model,
        "without": sorted(without),
    }


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


def _by_source(lessons: Iterable[Lesson]) -> dict[str, int]:
    return dict(Counter(lesson.source for lesson in lessons))


def _topics(side: _Side, settings: LapSettings) -> list[dict[str, object]]:
    """What is talked about in what teaches, the loudest first."""
    lessons: list[Lesson] = [*side.pairs, *side.ratings]
    texts = [prompt_text(lesson.prompt) for lesson in lessons]
    if not texts:
        return []
    numbers, names = topics(texts, settings.seed)
    return [{"topic": names[number], "rows": rows} for number, rows in Counter(numbers).most_common()]


def _summary(lessons: Sequence[Lesson], what: str) -> dict[str, object]:
    people = Counter(lesson.person for lesson in lessons)
    sources = Counter(lesson.source for lesson in lessons)
    return {
        what: len(lessons),
        "sources": {source: sources[source] for source in get_args(Source)},
        "people": dict(sorted(people.most_common(MOST_PEOPLE_SHOWN))),
        "people_in_all": len(people),
        "largest_share": max(people.values()) / len(lessons) if lessons else 0.0,
        "good": sum(lesson.good for lesson in lessons if isinstance(lesson, Rating)),
    }
