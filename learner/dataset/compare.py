"""What two datasets have in common, and what only one of them has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from learner.dataset.dataset import Dataset
from learner.lessons import Rating
from learner.pair import Pair

MOST_SHOWN = 5  # rows, as examples
_COMPARED = ("settings", "groups", "without", "instant", "seq", "rules_sha256")

Lessons = Sequence[Pair | Rating]


def compared(one: Dataset, other: Dataset) -> dict[str, Any]:
    """By side how many rows are in both and only in either, whose, of which source; and which settings differ."""
    sides = {
        "learn": "learn",
        "judge": "judge",
        "anchor": "anchor",
        "ratings": "ratings",
        "judge_ratings": "judge_ratings",
    }
    return {
        "ids": [one.id, other.id],
        "same": one.sha256 == other.sha256,
        "sides": {side: _side(getattr(one, side), getattr(other, side)) for side in sides},
        "differs": {
            name: [one.manifest.get(name), other.manifest.get(name)]
            for name in _COMPARED
            if one.manifest.get(name) != other.manifest.get(name)
        },
    }


def _side(one: Lessons, other: Lessons) -> dict[str, Any]:
    first, second = ({_key(lesson): lesson for lesson in side} for side in (one, other))
    return {
        "both": len(first.keys() & second.keys()),
        "only_first": _told([first[key] for key in first if key not in second]),
        "only_second": _told([second[key] for key in second if key not in first]),
        "reweighed": sum(first[key].weight != second[key].weight for key in first.keys() & second.keys()),
    }


def _told(lessons: Lessons) -> Mapping[str, Any]:
    return {
        "rows": len(lessons),
        "sources": dict(Counter(lesson.source for lesson in lessons)),
        "people": dict(Counter(lesson.person for lesson in lessons).most_common(MOST_SHOWN)),
        "turns": [lesson.turn_id for lesson in lessons[:MOST_SHOWN]],
    }


def _key(lesson: Pair | Rating) -> tuple[object, ...]:
    texts = (lesson.chosen, lesson.rejected) if isinstance(lesson, Pair) else (lesson.completion, lesson.good)
    return lesson.turn_id, lesson.source, *texts
