"""How well a policy tells what people preferred, on rows that it did not learn from; the reference beside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import rankdata

from learner.lessons import Lessons
from learner.tokens import Encoded, encode
from learner.training.policy import Policy

AT_ONCE = 16  # rows, sorted by length


class HeldOut(NamedTuple):
    """One measure of the base and of the policy, from 0 to 1, and on how many `rows`; None where there are none."""

    measure: str
    before: float | None
    after: float | None
    rows: int


def held_out(policy: Policy, judge: Lessons, limit: int) -> HeldOut:
    """The accuracy on pairs; where there are none, the area under the ROC curve of good over bad ratings.

    Both compare log p per token. Rows of more than `limit` tokens are left out.
    """
    pairs = [
        (one, other)
        for pair in judge.pairs
        if max(map(_length, (sides := _both(policy, pair.prompt, pair.chosen, pair.rejected)))) <= limit
        for one, other in [sides]
    ]
    if pairs:
        before, after = _scores(policy, [side for pair in pairs for side in pair])
        won = [float((scores[0::2] > scores[1::2]).mean()) for scores in (before, after)]
        return HeldOut("preference accuracy", won[0], won[1], len(pairs))
    rated = [(encode(policy.tokenizer, r.prompt, r.completion), r.good) for r in judge.ratings]
    kept = [(row, good) for row, good in rated if _length(row) <= limit]
    good = np.array([one for _, one in kept], dtype=bool)
    if not good.any() or good.all():
        return HeldOut("none", None, None, len(kept))
    areas = [_area(scores, good) for scores in _scores(policy, [row for row, _ in kept])]
    return HeldOut("area under the ROC curve", areas[0], areas[1], len(kept))


def _both(policy: Policy, prompt: tuple[dict[str, str], ...], *texts: str) -> tuple[Encoded, ...]:
    return tuple(encode(policy.tokenizer, prompt, text) for text in texts)


def _length(row: Encoded) -> int:
    return len(row.prompt) + len(row.completion)


@torch.no_grad()
def _scores(policy: Policy, rows: Sequence[Encoded]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """log p per token by the base and by the policy, shape (rows,) each."""
    order = sorted(range(len(rows)), key=lambda place: _length(rows[place]))
    before, after = np.empty(len(rows)), np.empty(len(rows))
    for begin in range(0, len(order), AT_ONCE):
        places = order[begin : begin + AT_ONCE]
        part = [rows[place] for place in places]
        policy.forget()
        policy.prepare(part, share=1, reference=True)
        for scores, reference in ((before, True), (after, False)):
            found = policy.logps(part, share=1, reference=reference)
            scores[places] = (found.sums() / found.lengths()).double().cpu().numpy()
    policy.forget()
    return before, after


def _area(scores: NDArray[np.float64], good: NDArray[np.bool_]) -> float:
    """The chance that a good answer scores above a bad one, ties by half (the statistic of Mann and Whitney)."""
    many, few = int(good.sum()), int((~good).sum())
    ranks = rankdata(scores)
    return float((ranks[good].sum() - many * (many + 1) / 2) / (many * few))
