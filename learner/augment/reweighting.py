"""More weight for rows about people whom an audit found to be treated worse (Kamiran and Calders, "Data preprocessing
techniques for classification without discrimination", KAIS 33, 2012, in the form of weights by measured gap).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from learner.augment.step import Added, Augmented, Row
from learner.errors import BadFile
from learner.lessons import Lessons, Rating
from learner.pair import Pair
from learner.settings import LapSettings
from safety.bias import mentions

NAME = "reweighting"
WORSE: Mapping[str, float] = {"quality": -1.0, "refused": 1.0}  # the direction in which a difference is a disadvantage
DOUBLED_AT = 0.1  # the gap, as a share of right answers or of refusals, that doubles a weight
MOST = 3.0

Gaps = Mapping[tuple[str, str], float]


def reweighted(lessons: Lessons, settings: LapSettings, seed: int) -> Augmented:
    """The same rows, those that mention a disadvantaged group with up to three times the weight.

    The gaps are those of `augment_audit`, a file of `./ratchet audit-bias --json`. Raises BadFile.
    """
    gaps = disadvantages(settings.augment_audit)
    touched = 0

    def weighed(rows: Sequence[Row]) -> list[Row]:
        nonlocal touched
        made = []
        for row in rows:
            factor = _factor(row, gaps)
            touched += factor > 1
            made.append(replace(row, weight=row.weight * factor) if factor > 1 else row)
        return made

    more = Lessons(weighed(lessons.pairs), weighed(lessons.ratings))
    of = ", ".join(f"{group} {gap:.2f}" for (_, group), gap in sorted(gaps.items())) or "none"
    return Augmented(more, Added(NAME, len(lessons), 0, {}, f"{touched} rows weigh more; disadvantages shown: {of}."))


def disadvantages(path: str) -> Gaps:
    """How much less each (axis, group) gets than the reference, as a share, where the audit's 95% interval excludes 0.

    Of several outcomes the largest counts. Raises BadFile.
    """
    found: dict[tuple[str, str], float] = {}
    for one in _comparisons(path):
        worse = WORSE.get(one["outcome"], 0.0) if one["target"] == "model" else 0.0
        low = min(worse * one[end] for end in ("low", "high"))
        if low > 0:
            key = (one["axis"], one["group"])
            found[key] = max(found.get(key, 0.0), worse * one["difference"])
    return found


def _factor(row: Pair | Rating, gaps: Gaps) -> float:
    if not gaps:
        return 1.0
    mentioned = mentions("\n".join(message["content"] for message in row.prompt))
    worst = max((gaps.get(one, 0.0) for one in mentioned), default=0.0)
    return min(MOST, 1.0 + worst / DOUBLED_AT)


def _comparisons(path: str) -> Sequence[Mapping[str, Any]]:
    if not path:
        raise BadFile("Reweighting needs an audit: run `./ratchet audit-bias --json > FILE` and set augment_audit.")
    try:
        table = json.loads(Path(path).expanduser().read_text(encoding="utf-8"))
        comparisons: Sequence[Mapping[str, Any]] = table["comparisons"]
        for one in comparisons:
            float(one["low"]), float(one["high"]), float(one["difference"])
            str(one["axis"]), str(one["group"]), str(one["outcome"]), str(one["target"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadFile(f"{path} is no result of `./ratchet audit-bias --json` ({error}).") from None
    return comparisons
