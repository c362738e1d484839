"""One stretch of traffic against another: what moved, by how much, and whether that is more than chance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from learner.drift.metrics import DISTINCT, TOPICS, Scores, metric
from learner.drift.permute import Deal, Labels, holm, p_values
from learner.drift.texts import distinct, topics_of

FEWEST = 25  # people of each sample that a metric needs
FEWEST_EVENTS = 5  # people with a number above 0, of a category, that it needs
FEWEST_BLOCKS = 4
TOPICS_SHOWN = 5  # those that moved most


@dataclass(frozen=True)
class Sample:
    """Some people with one number each for each metric, and a question and an answer of some of them.

    `scores` have the shape (people,), NaN where somebody has none; `asked` names the people of `prompts` and `answers`.
    """

    people: Sequence[str]
    scores: Mapping[str, Scores]
    asked: Sequence[str] = ()
    prompts: Sequence[str] = ()
    answers: Sequence[str] = ()

    @cached_property
    def blocks(self) -> Mapping[str, Scores]:
        """Distinct n-grams of blocks of the answers, shape (blocks,) each."""
        return distinct(self.answers)

    def figures(self) -> dict[str, float]:
        """The mean of each metric as a person reads it; none of what nobody has."""
        means = {**self.scores, **self.blocks}
        return {
            name: metric(name).figure(float(np.nanmean(values)))
            for name, values in means.items()
            if np.isfinite(values).any()
        }


@dataclass(frozen=True)
class Test:
    """What became of one metric: `change` in its own unit, and whether it `moved`, by more than chance and its margin.

    `shares` has for topics those that moved most, each before and after.
    """

    metric: str
    change: float
    p_value: float
    moved: bool
    reason: str
    shares: Mapping[str, Sequence[float]] = field(default_factory=dict)

    def to_values(self) -> dict[str, Any]:
        """The fields by name."""
        return asdict(self)


def compare(before: Sample, after: Sample, *, alpha: float, seed: int = 0) -> list[Test]:
    """Compare every metric that both samples have enough people for.

    The chance that any of them is wrongly said to have moved is at most `alpha`, over all metrics together (Holm), if
    what people do does not hang on when they came.
    """
    rng = np.random.default_rng(seed)
    asked, shares = _topics(before, after, rng, seed)
    found = {**_scores(before, after, rng), **_blocks(before, after, rng), **asked}
    names = list(found)
    proven = holm([found[name][1] for name in names], alpha)
    tests = [_test(name, *found[name], sure) for name, sure in zip(names, proven, strict=True)]
    return [_with_shares(test, shares) if test.metric == TOPICS else test for test in tests]


def _test(name: str, change: float, p: float, proven: bool) -> Test:
    what = metric(name)
    moved = proven and abs(change) > what.margin
    words = f"{name} ({what.told}): {what.words(change)}"
    return Test(name, change, p, moved, f"{words}, p = {p:.4f}; from {what.words(what.margin)} on it is told")


def _with_shares(test: Test, shares: Mapping[str, Sequence[float]]) -> Test:
    told = ", ".join(f"{name} {one:.0%} to {other:.0%}" for name, (one, other) in shares.items())
    return replace(test, shares=shares, reason=f"{test.reason}: {told}")


def _scores(before: Sample, after: Sample, rng: np.random.Generator) -> dict[str, tuple[float, float]]:
    pairs = {name: _aligned(name, before, after) for name in dict.fromkeys((*before.scores, *after.scores))}
    told = {name: pair for name, pair in pairs.items() if _enough(name, *pair)}
    if not told:
        return {}
    values = np.array([np.concatenate(pair) for pair in told.values()], dtype=np.float32).T
    observed, p, _ = p_values(Deal(before.people, after.people), _means(values), rng)
    return {name: (float(observed[place]), float(p[place])) for place, name in enumerate(told)}


def _aligned(name: str, before: Sample, after: Sample) -> tuple[Scores, Scores]:
    """Both samples' numbers; of a category that one of them never met they are 0."""
    return tuple(  # type: ignore[return-value]
        one.scores[name] if name in one.scores else np.zeros(len(one.people)) for one in (before, after)
    )


def _enough(name: str, one: Scores, other: Scores) -> bool:
    if min(np.isfinite(one).sum(), np.isfinite(other).sum()) < FEWEST:
        return False
    # Of what nobody does there is nothing to test, and it would cost the others power.
    return name == "length" or int((one > 0).sum() + (other > 0).sum()) >= FEWEST_EVENTS


def _blocks(before: Sample, after: Sample, rng: np.random.Generator) -> dict[str, tuple[float, float]]:
    one, other = before.blocks, after.blocks
    counts = len(one[DISTINCT[0]]), len(other[DISTINCT[0]])
    if min(counts) < FEWEST_BLOCKS:
        return {}
    values = np.array([np.concatenate((one[name], other[name])) for name in DISTINCT], dtype=np.float32).T
    deal = Deal([f"before {place}" for place in range(counts[0])], [f"after {place}" for place in range(counts[1])])
    observed, p, _ = p_values(deal, _means(values), rng)
    return {name: (float(observed[place]), float(p[place])) for place, name in enumerate(DISTINCT)}


def _topics(
    before: Sample, after: Sample, rng: np.random.Generator, seed: int
) -> tuple[dict[str, tuple[float, float]], dict[str, list[float]]]:
    """The test, and the topics that moved most with their shares before and after; empty for too few people."""
    if min(len(before.prompts), len(after.prompts)) < FEWEST:
        return {}, {}
    numbers, names = topics_of(before.prompts, after.prompts, seed)
    member = np.eye(len(names), dtype=np.float32)[numbers]
    observed, p, middle = p_values(Deal(before.asked, after.asked), _divergence(member), rng)
    one, other = member[: len(before.prompts)].mean(axis=0), member[len(before.prompts) :].mean(axis=0)
    loudest = np.argsort(-np.abs(other - one))[:TOPICS_SHOWN]
    shares = {names[place]: [round(float(one[place]), 4), round(float(other[place]), 4)] for place in loudest}
    change = max(0.0, float(observed[0] - middle[0]))  # two samples of the same people diverge a little, too
    return {TOPICS: (change, float(p[0]))}, shares


def _means(values: NDArray[np.float32]) -> Any:  # noqa: ANN401 - a `Statistic`
    """The mean of those labelled 1 less that of the others; `values` has the shape (observations, metrics)."""
    known = np.isfinite(values).astype(np.float32)
    filled = np.where(known > 0, values, 0).astype(np.float32)
    totals, counts = filled.sum(axis=0), known.sum(axis=0)

    def statistic(labels: Labels) -> NDArray[np.float64]:
        inside, number = (labels @ filled).astype(np.float64), (labels @ known).astype(np.float64)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(inside / number - (totals - inside) / (counts - number))

    return statistic


def _divergence(member: NDArray[np.float32]) -> Any:  # noqa: ANN401 - a `Statistic`
    """Jensen-Shannon divergence in bits (Lin 1991) of the topics of both sides; `member` is (observations, topics)."""
    totals = member.sum(axis=0)

    def statistic(labels: Labels) -> NDArray[np.float64]:
        inside = (labels @ member).astype(np.float64)
        one, other = (side / np.maximum(side.sum(axis=1, keepdims=True), 1) for side in (inside, totals - inside))
        both = (one + other) / 2
        return np.asarray(_entropy(both) - (_entropy(one) + _entropy(other)) / 2)[:, None]

    return statistic


def _entropy(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(-(shares * np.log2(np.maximum(shares, 1e-300))).sum(axis=1))
