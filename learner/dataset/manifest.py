"""What a dataset says of itself: what it was chosen from, what each step took, and whose the rows are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple, get_args

from analytics.pairs import examples_sql, pairs_sql, ratings_sql, rules_sha256
from learner.dataset.noise import label_noise
from learner.dataset.topics import topics
from learner.lessons import Rating
from learner.pair import Pair, Source
from learner.trust import Report
from learner.trust.texts import prompt_text

MOST_PEOPLE_SHOWN = 1000  # in a manifest, by name
_RULES = {"pairs": pairs_sql, "ratings": ratings_sql, "examples": examples_sql}
_CLICKED = ("sibling", "comparison", "import")  # sources of pairs whose order somebody may have given in a hurry

Lesson = Pair | Rating


class Side(NamedTuple):
    """What is left of a side, and what the steps say of its pairs and of its ratings."""

    pairs: list[Pair]
    ratings: list[Rating]
    of_pairs: list[Report]
    of_ratings: list[Report]


def source(events: Path, groups: tuple[int, int, int], without: frozenset[str], model: str) -> dict[str, object]:
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


def by_source(lessons: Iterable[Lesson]) -> dict[str, int]:
    """How many rows each source gave."""
    return dict(Counter(lesson.source for lesson in lessons))


def steps_taken(before: Mapping[str, int], both: Sequence[Report], learn: Side, judge: Side) -> dict[str, object]:
    """What each step took: `both` are of the rows before they were parted, `before` what was dropped without a step."""
    every = [*both, *learn.of_pairs, *learn.of_ratings, *judge.of_pairs, *judge.of_ratings]
    return {
        "dropped": {**before, **_taken(every)},
        "steps": [asdict(report) for report in (*both, *learn.of_pairs)],
        "steps_of_judge": [asdict(report) for report in judge.of_pairs],
        "steps_of_ratings": [asdict(report) for report in learn.of_ratings],
        "steps_of_judge_ratings": [asdict(report) for report in judge.of_ratings],
    }


def told_of(learn: Side, judge: Side, seed: int) -> dict[str, object]:
    """What is in the rows: noise of the labels, topics, sources and people."""
    return {
        "label_noise": label_noise([pair for pair in learn.pairs if pair.source in _CLICKED], seed),
        "topics": _topics(learn, seed),
        "learn": _summary(learn.pairs, "pairs"),
        "judge": _summary(judge.pairs, "pairs"),
        "ratings": _summary(learn.ratings, "ratings"),
        "judge_ratings": _summary(judge.ratings, "ratings"),
    }


def _taken(reports: Sequence[Report]) -> dict[str, int]:
    taken: Counter[str] = Counter()
    for report in reports:
        taken[report.step] += report.taken
    return dict(taken)


def _topics(side: Side, seed: int) -> list[dict[str, object]]:
    """What is talked about in what teaches, the loudest first."""
    lessons: list[Lesson] = [*side.pairs, *side.ratings]
    texts = [prompt_text(lesson.prompt) for lesson in lessons]
    if not texts:
        return []
    numbers, names = topics(texts, seed)
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
