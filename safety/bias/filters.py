"""The audit of filters: whom they stop for who they are, and whom they do not protect."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from safety.bias.statistics import (
    Comparison,
    Example,
    Floats,
    Interval,
    auc,
    balanced,
    flips,
    generalised_mean,
    shift,
)
from safety.bias.suite import Axis, Sentence, Suite

FALSE_ALARM, MISSED, SCORE = "stopped wrongly", "missed", "score"
OUTCOMES: Mapping[str, str] = {
    FALSE_ALARM: "share of harmless sentences that were stopped or sent to a reviewer",
    MISSED: "share of toxic sentences that passed",
    SCORE: "highest score of a harmless sentence in any category, in [0, 1]",
}
MOST_EXAMPLES = 3


class Scored(NamedTuple):
    """What filters say of a text: scores in [0, 1] by category, and whether they stop it or send it to a reviewer."""

    scores: Mapping[str, float]
    flagged: bool


Scorer = Callable[[Sequence[str]], Sequence[Scored]]


@dataclass(frozen=True)
class Subgroup:
    """How the filters rank the sentences about a group, and how often they are wrong about them.

    subgroup: its toxic sentences above its harmless ones; bpsn: toxic ones of the background above its harmless ones,
    low where its mention alone raises the score; bnsp: its toxic ones above harmless ones of the background, low where
    its mention lowers it.
    """

    axis: str
    group: str
    category: str
    subgroup: Interval
    bpsn: Interval
    bnsp: Interval


@dataclass(frozen=True)
class Rates:
    """Error rates on an axis by group, and the largest gap between two of its groups."""

    axis: str
    false_positive_rate: Mapping[str, float]
    false_negative_rate: Mapping[str, float]
    false_positive_gap: float
    false_negative_gap: float


@dataclass(frozen=True)
class FilterAudit:
    """Everything measured of the filters; `means` are generalised means of the AUCs over all groups, by category."""

    sentences: int
    flagged_harmless: float
    flagged_toxic: float
    overall_auc: Interval
    subgroups: tuple[Subgroup, ...]
    means: Mapping[str, Mapping[str, float]]
    rates: tuple[Rates, ...]
    comparisons: tuple[Comparison, ...]


def audit_filters(suite: Suite, scorer: Scorer, *, most: int = 64, seed: int = 0) -> FilterAudit:
    """Show the filters at most `most` harmless and as many toxic sentences for each group. Raises AuditFailed."""
    said = suite.background(), swapped(suite, most, seed)
    texts = list(dict.fromkeys(one.text for sentences in said for one in sentences))
    told = dict(zip(texts, scorer(texts), strict=True))
    return _audit(suite, *said, told, seed)


def swapped(suite: Suite, most: int, seed: int) -> list[Sentence]:
    """The sentences for every group, each like one for the reference of its axis."""
    return [one for axis in suite.axes for toxic in (False, True) for one in suite.swapped(axis, toxic, most, seed)]


def compare_filters(suite: Suite, sentences: Sequence[Sentence], told: Mapping[str, Scored]) -> Iterator[Comparison]:
    """Every group against the reference of its axis."""
    cells = _cells(sentences)
    for axis in suite.axes:
        for group in axis.groups[1:]:
            for outcome, toxic in ((FALSE_ALARM, False), (MISSED, True), (SCORE, False)):
                theirs = {one.pair: one for one in cells[axis.name, axis.reference.name, toxic]}
                pairs = [(one, theirs[one.pair]) for one in cells[axis.name, group.name, toxic]]
                if len({mine.template for mine, _ in pairs}) > 1:
                    yield _comparison(axis, group.name, outcome, pairs, told)


def _audit(
    suite: Suite, background: Sequence[Sentence], sentences: Sequence[Sentence], told: Mapping[str, Scored], seed: int
) -> FilterAudit:
    rng = np.random.default_rng(seed)
    everything = [*background, *sentences]
    cells = _cells(sentences)
    subgroups = [
        _subgroup(axis, group.name, category, background, mine, told, rng)
        for category in ("any", *_telling(told))
        for axis in suite.axes
        for group in axis.groups
        for mine in [[*cells[axis.name, group.name, False], *cells[axis.name, group.name, True]]]
        if len({one.toxic for one in mine}) > 1
    ]
    flagged = [
        np.array([told[one.text].flagged for one in everything if one.toxic is toxic]) for toxic in (False, True)
    ]
    return FilterAudit(
        sentences=len(told),
        flagged_harmless=float(flagged[0].mean()),
        flagged_toxic=float(flagged[1].mean()),
        overall_auc=auc(_scores(everything, told, True), _scores(everything, told, False), rng),
        subgroups=tuple(subgroups),
        means={category: _means(subgroups, category) for category in ("any", *_telling(told))},
        rates=tuple(_rates(axis, sentences, told) for axis in suite.axes),
        comparisons=tuple(compare_filters(suite, sentences, told)),
    )


def _telling(told: Mapping[str, Scored]) -> list[str]:
    """The categories whose scores are not all the same; the others can rank nothing."""
    seen: dict[str, set[float]] = {}
    for one in told.values():
        for category, score in one.scores.items():
            seen.setdefault(category, set()).add(score)
    return sorted(category for category, scores in seen.items() if len(scores) > 1)


def _score(told: Scored, category: str = "any") -> float:
    if category == "any":
        return max(told.scores.values(), default=0.0)
    return told.scores.get(category, 0.0)


def _scores(sentences: Sequence[Sentence], told: Mapping[str, Scored], toxic: bool, category: str = "any") -> Floats:
    return np.array([_score(told[one.text], category) for one in sentences if one.toxic is toxic])


def _subgroup(
    axis: Axis,
    group: str,
    category: str,
    background: Sequence[Sentence],
    mine: Sequence[Sentence],
    told: Mapping[str, Scored],
    rng: np.random.Generator,
) -> Subgroup:
    bad, good = (_scores(mine, told, toxic, category) for toxic in (True, False))
    other_bad, other_good = (_scores(background, told, toxic, category) for toxic in (True, False))
    return Subgroup(
        axis.name, group, category, auc(bad, good, rng), auc(other_bad, good, rng), auc(bad, other_good, rng)
    )


def _means(subgroups: Sequence[Subgroup], category: str) -> dict[str, float]:
    mine = [one for one in subgroups if one.category == category]
    return {
        "subgroup": generalised_mean([one.subgroup.value for one in mine]),
        "bpsn": generalised_mean([one.bpsn.value for one in mine]),
        "bnsp": generalised_mean([one.bnsp.value for one in mine]),
    }


def _rates(axis: Axis, sentences: Sequence[Sentence], told: Mapping[str, Scored]) -> Rates:
    from fairlearn.metrics import MetricFrame, false_negative_rate, false_positive_rate

    mine = [one for one in sentences if one.axis == axis.name]
    frame = MetricFrame(
        metrics={"false_positive": false_positive_rate, "false_negative": false_negative_rate},
        y_true=[int(one.toxic) for one in mine],
        y_pred=[int(told[one.text].flagged) for one in mine],
        sensitive_features={"group": [one.group for one in mine]},
    )
    by_group, gaps = frame.by_group.to_dict(), frame.difference()
    return Rates(
        axis.name,
        by_group["false_positive"],
        by_group["false_negative"],
        float(gaps["false_positive"]),
        float(gaps["false_negative"]),
    )


def _cells(sentences: Sequence[Sentence]) -> Mapping[tuple[str, str, bool], Sequence[Sentence]]:
    """The sentences by axis, group and whether they are toxic."""
    cells: dict[tuple[str, str, bool], list[Sentence]] = defaultdict(list)
    for one in sentences:
        cells[one.axis, one.group, one.toxic].append(one)
    return cells


def _comparison(
    axis: Axis, group: str, outcome: str, pairs: Sequence[tuple[Sentence, Sentence]], told: Mapping[str, Scored]
) -> Comparison:
    def value(text: str) -> float:
        if outcome == SCORE:
            return _score(told[text])
        return float(told[text].flagged is (outcome == FALSE_ALARM))

    mine, theirs = (np.array([value(pair[side].text) for pair in pairs]) for side in (0, 1))
    templates = [one.template for one, _ in pairs]
    apart = sorted(range(len(pairs)), key=lambda place: -abs(mine[place] - theirs[place]))[:MOST_EXAMPLES]
    return Comparison(
        target="filters",
        axis=axis.name,
        group=group,
        reference=axis.reference.name,
        outcome=outcome,
        pairs=len(pairs),
        mean=balanced(mine, templates) if outcome == SCORE else float(mine.mean()),
        reference_mean=balanced(theirs, templates) if outcome == SCORE else float(theirs.mean()),
        estimate=shift(mine, theirs, templates) if outcome == SCORE else flips(mine, theirs),
        examples=tuple(
            Example(pairs[place][0].text, pairs[place][1].text, float(mine[place]), float(theirs[place]))
            for place in apart
            if mine[place] != theirs[place]
        ),
    )
