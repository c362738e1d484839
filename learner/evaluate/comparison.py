"""Is a challenger no worse than the champion, by more than a margin? Over all rows, and in each slice.

Both answered the same rows, so what is judged is the paired difference. Its standard error is that of the jackknife
over clusters (Efron and Stein, Annals of Statistics 9, 1981), which holds for means as for ratios such as F1, with
Student's t of one less than the clusters. Of metrics with bounds two rows are added that go to either side as far as
rows go, after Bonett and Price (J. Educ. Behav. Stat. 37, 2012): else two models that never differed on forty rows
would be proven equal. Slices are corrected by Holm (Scandinavian Journal of Statistics 6, 1979).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from learner.errors import BadScores
from learner.evaluate.intervals import cluster_sums, is_share
from learner.evaluate.scores import COMBINE, Floats, Scores, means

ALPHA = 0.05
MOST_NAMED = 5  # rows that a reason names
Finding = Literal["non-inferior", "inferior", "not shown"]


@dataclass(frozen=True)
class Difference:
    """The challenger held against the champion on some rows.

    `gain` is the difference in the metric's unit, above 0 where the challenger is better; `low` and `high` bound it.
    `p_loss` is the p-value of the loss being no larger than the margin. A finding of "not shown" is neither.
    """

    name: str
    rows: int
    clusters: int
    challenger: float | None
    champion: float | None
    gain: float | None
    low: float | None
    high: float | None
    p_loss: float
    finding: Finding


@dataclass(frozen=True)
class NonInferiority:
    """`passed` when the whole is shown to be non-inferior and no slice is shown to have lost more than the margin."""

    passed: bool
    reason: str
    margin: float
    whole: Difference
    slices: tuple[Difference, ...] = ()

    def to_values(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def non_inferior(
    challenger: Scores | Floats,
    champion: Scores | Floats,
    clusters: Sequence[str] | None = None,
    *,
    margin: float,
    slices: Mapping[str, Sequence[bool]] | None = None,
    alpha: float = ALPHA,
) -> NonInferiority:
    """Compare two models on the same rows, in the same order.

    Scores may be plain arrays of shape (rows,): then their means are compared, higher is better, and bounds are taken
    to be 0 and 1 where all values lie in between. `clusters` names what belongs together, such as a person, by row.
    `margin` is the loss that is still borne, in the metric's unit. `slices` has a mask of shape (rows,) by name.

    The interval of the whole has its ends at one-sided `alpha`; those of the slices hold together (Bonferroni), and
    whether one lost is decided by Holm's correction. Raises BadScores where the two cannot be compared.
    """
    first, second = _as_scores(challenger), _as_scores(champion)
    _check(first, second, clusters, margin)
    whole = _difference("all", first, second, clusters, margin, alpha, alpha)
    masks = {name: np.asarray(mask, dtype=bool) for name, mask in (slices or {}).items()}
    level = alpha / max(1, len(masks))
    parts = [
        _difference(name, first.of(mask), second.of(mask), _some(clusters, mask), margin, alpha, level)
        for name, mask in masks.items()
        if mask.any()
    ]
    parts = _corrected(parts, alpha)
    lost = [part for part in parts if part.finding == "inferior"]
    passed = whole.finding == "non-inferior" and not lost
    return NonInferiority(passed, _reason(whole, lost, margin), margin, whole, tuple(parts))


def none_lost(
    challenger: Scores | Floats,
    champion: Scores | Floats,
    names: Sequence[str],
    clusters: Sequence[str] | None = None,
    *,
    slices: Mapping[str, Sequence[bool]] | None = None,
) -> NonInferiority:
    """The rule for rows of which each counts, such as canary facts: none may be worse than it was.

    `names` is what to call each row by; `slices` are told of, and decide nothing. Raises BadScores.
    """
    first, second = _as_scores(challenger), _as_scores(champion)
    found = non_inferior(first, second, clusters, margin=0.0, slices=slices)
    places = [np.array([place]) for place in range(len(first))]
    sign = -1.0 if first.higher_is_better is False else 1.0
    values = [(first.value(place), second.value(place)) for place in places]
    lost = [
        name
        for name, (after, before) in zip(names, values, strict=True)
        if after is not None and before is not None and sign * (after - before) < 0
    ]
    told = f"{len(first)} rows, and none is worse than it was."
    if lost:
        told = f"Worse than before: {', '.join(lost[:MOST_NAMED])}{' and others' if len(lost) > MOST_NAMED else ''}."
    return NonInferiority(not lost, told, 0.0, found.whole, found.slices)


def _difference(
    name: str,
    challenger: Scores,
    champion: Scores,
    clusters: Sequence[str] | None,
    margin: float,
    alpha: float,
    level: float,
) -> Difference:
    before, after = champion.value(), challenger.value()
    ours, theirs = (cluster_sums(one, clusters) for one in (challenger, champion))
    inside = (ours != 0).any(axis=1) | (theirs != 0).any(axis=1)
    ours, theirs = ours[inside], theirs[inside]
    applies = int((challenger.applies | champion.applies).sum())
    if before is None or after is None or len(ours) < 2:
        return Difference(name, applies, len(ours), after, before, None, None, None, 1.0, "not shown")
    sign = -1.0 if challenger.higher_is_better is False else 1.0
    if (ends := _extremes(challenger, champion)) is not None:
        ours, theirs = np.vstack([ours, ends]), np.vstack([theirs, ends[::-1]])
    centre, error, freedom = _jackknife(ours, theirs, COMBINE[challenger.combine])
    centre *= sign
    quantile = _t_quantile(1 - level, freedom)
    low, high = centre - quantile * error, centre + quantile * error
    if is_share(challenger) and is_share(champion):
        # Of few losses both the loss and its spread look small; where the loss is the margin, a share spreads at least
        # so much.
        low = centre - quantile * max(error, math.sqrt(max(0.0, margin * (1 - margin)) / applies))
    finding: Finding = "non-inferior" if low > -margin else "inferior" if high < -margin else "not shown"
    p = _t_below(centre + margin, error, freedom)
    if not all(map(math.isfinite, (low, high))):
        return Difference(
            name, applies, len(ours), after, before, sign * (after - before), None, None, 1.0, "not shown"
        )
    return Difference(name, applies, int(inside.sum()), after, before, sign * (after - before), low, high, p, finding)


def _extremes(challenger: Scores, champion: Scores) -> Floats | None:
    """The parts of a row that went badly and of one that went well, shape (2, parts); None where there are no bounds.

    Of a mean of grades they are the least and the most that any row got, where rows differ at all: that a model's
    worst answer becomes its best is as much as can be expected of a row that was not asked.
    """
    if challenger.extremes is None or champion.extremes is None:
        return None
    if challenger.combine != "ratio" or (is_share(challenger) and is_share(champion)):
        return challenger.extremes
    parts = np.vstack([one.parts[one.applies] for one in (challenger, champion)])
    if not len(parts) or (parts[:, 1] != 1).any() or np.ptp(parts[:, 0]) == 0:
        return challenger.extremes
    return np.array([[parts[:, 0].min(), 1.0], [parts[:, 0].max(), 1.0]])


def _jackknife(ours: Floats, theirs: Floats, combine: Any) -> tuple[float, float, int]:  # noqa: ANN401
    """The difference, its standard error and the degrees of freedom, by leaving out one cluster after the other."""
    whole = combine(ours.sum(axis=0)) - combine(theirs.sum(axis=0))
    without = combine(ours.sum(axis=0) - ours) - combine(theirs.sum(axis=0) - theirs)
    if not np.isfinite(without).all():  # all that is known of something hangs on one cluster
        return float(whole), math.inf, len(ours) - 1
    spread = ((without - without.mean()) ** 2).sum() * (len(ours) - 1) / len(ours)
    return float(whole), float(np.sqrt(spread)), len(ours) - 1


def _t_quantile(level: float, freedom: int) -> float:
    from scipy.stats import t

    return float(t.ppf(level, freedom))


def _t_below(distance: float, error: float, freedom: int) -> float:
    """The p-value of `distance` being at least 0."""
    from scipy.stats import t

    if error == 0:
        return 1.0 if distance >= 0 else 0.0
    return float(t.cdf(distance / error, freedom))


def _corrected(parts: Sequence[Difference], alpha: float) -> list[Difference]:
    """A slice is inferior where Holm's procedure rejects that it is not; the others keep what their interval says."""
    rejected: set[str] = set()
    for place, part in enumerate(sorted(parts, key=lambda one: one.p_loss)):
        if part.p_loss > alpha / (len(parts) - place):
            break
        rejected.add(part.name)
    return [Difference(**{**asdict(part), "finding": _after_holm(part, part.name in rejected)}) for part in parts]


def _after_holm(part: Difference, lost: bool) -> Finding:
    if lost:
        return "inferior"
    return "not shown" if part.finding == "inferior" else part.finding


def _reason(whole: Difference, lost: Sequence[Difference], margin: float) -> str:
    if whole.gain is None or whole.low is None or whole.high is None:
        return "There is too little that both were measured on, so nothing is shown."
    told = f"From {whole.champion:.3f} to {whole.challenger:.3f} on {whole.rows} rows"
    if lost:
        slices = ", ".join(f"{one.name} ({one.gain:+.3f})" for one in lost)
        return f"{told}; shown to have lost more than {margin:.3f} in {slices}."
    if whole.finding == "non-inferior":
        return f"{told}; the loss is at most {max(0.0, -whole.low):.3f}, within {margin:.3f}."
    if whole.finding == "inferior":
        return f"{told}; the loss is at least {-whole.high:.3f}, more than {margin:.3f}."
    return (
        f"{told}; a loss of {max(0.0, -whole.low):.3f} is not ruled out, and {margin:.3f} is the most; ask more rows."
    )


def _as_scores(scores: Scores | Floats) -> Scores:
    if isinstance(scores, Scores):
        return scores
    plain = np.asarray(scores, dtype=np.float64)
    if plain.ndim != 1 or not np.isfinite(plain).all():
        raise BadScores(f"Scores must be one finite number a row, not of the shape {plain.shape}.")
    inside = bool(((plain >= 0) & (plain <= 1)).all())
    return means(plain, bounds=(0.0, 1.0) if inside else None)


def _check(first: Scores, second: Scores, clusters: Sequence[str] | None, margin: float) -> None:
    if len(first) != len(second) or (clusters is not None and len(clusters) != len(first)):
        raise BadScores("Two models can be compared on the same rows alone, each with its cluster.")
    if (first.combine, first.higher_is_better) != (second.combine, second.higher_is_better):
        raise BadScores("Two metrics that are worked out differently cannot be compared.")
    if first.higher_is_better is None:
        raise BadScores("Of this metric neither more nor less is better, so nothing can be inferior.")
    if not (math.isfinite(margin) and margin >= 0):
        raise BadScores(f"A margin is a number from 0 on, not {margin}.")


def _some(clusters: Sequence[str] | None, mask: NDArray[np.bool_]) -> list[str] | None:
    return None if clusters is None else [cluster for cluster, is_in in zip(clusters, mask, strict=True) if is_in]
