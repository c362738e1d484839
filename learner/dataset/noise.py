"""How many labels are wrong: two estimates that need no language model. Nothing is dropped by them."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np

from learner.dataset.words import hashed
from learner.pair import Pair
from learner.trust.texts import clusters, plain, prompt_text

LEAST_ITEMS = 20  # that two people judged
LEAST_PAIRS = 100  # for the cross-validation
MOST_PAIRS = 20_000  # that it looks at
FOLDS, PLACES, RIDGE = 5, 1 << 9, 10.0


def label_noise(pairs: Sequence[Pair], seed: int) -> dict[str, object]:
    """Both estimates of the share of pairs whose order is wrong, each None where there is too little to tell."""
    return {"by_disagreement": by_disagreement(pairs), "by_cross_validation": by_cross_validation(pairs, seed)}


def by_disagreement(pairs: Sequence[Pair]) -> dict[str, object] | None:
    """From items that several people judged: who are wrong with probability e each disagree with 2 e (1 - e).

    An item is a question with the same two answers, all up to near-duplicates. Taste counts as noise here.
    """
    asked = clusters([prompt_text(pair.prompt) for pair in pairs])
    said = clusters([plain(text) for pair in pairs for text in (pair.chosen, pair.rejected)])
    votes: defaultdict[tuple[int, int, int], dict[str, bool]] = defaultdict(dict)
    for place, pair in enumerate(pairs):
        one, other = said[2 * place], said[2 * place + 1]
        if one != other:
            votes[asked[place], min(one, other), max(one, other)][pair.person] = one < other
    several = [Counter(given.values()) for given in votes.values() if len(given) > 1]
    if len(several) < LEAST_ITEMS:
        return None
    # Of each item the share of the pairs of its people who disagree, so that one that many judged has one voice.
    shares = [2 * both[True] * both[False] / (both.total() * (both.total() - 1)) for both in several]
    disagree = min(0.5, sum(shares) / len(shares))
    return {"share": round((1 - math.sqrt(1 - 2 * disagree)) / 2, 4), "items": len(several)}


def by_cross_validation(pairs: Sequence[Pair], seed: int) -> dict[str, object] | None:
    """By confident learning (Northcutt et al. 2021), with margins in the place of probabilities.

    Ridge regression on the words that only one answer has tells the order of pairs of people whom it was not fitted on.
    A pair is off where its margin is for the other order, and as wide as margins are on average for the order that was
    given. `accuracy` says how much such words tell at all: near a half the estimate says little.
    """
    looked = pairs[-MOST_PAIRS:]
    people = np.unique([pair.person for pair in looked], return_inverse=True)[1] if looked else np.zeros(0, int)
    if len(looked) < LEAST_PAIRS or people.max() + 1 < FOLDS:
        return None
    chosen, rejected = (
        [plain(text) for text in texts] for texts in zip(*((p.chosen, p.rejected) for p in looked), strict=True)
    )
    differences = np.clip(hashed(chosen, PLACES), -1, 1) - np.clip(hashed(rejected, PLACES), -1, 1)
    folds = np.random.default_rng(seed).integers(FOLDS, size=people.max() + 1)[people]
    margins = np.zeros(len(looked))
    for fold in range(FOLDS):
        fitted, told = differences[folds != fold], folds == fold
        # Every pair counts in both orders, with 1 and with -1, so there is no intercept.
        gram = fitted.T @ fitted + RIDGE * np.eye(PLACES, dtype=np.float32)
        margins[told] = differences[told] @ np.linalg.solve(gram, fitted.sum(axis=0))
    usual = margins[margins > 0].mean() if (margins > 0).any() else np.inf
    # Of the pairs that are clear either way: so it does not hang on how many are.
    off, on = int((margins <= -usual).sum()), int((margins >= usual).sum())
    accuracy = round(float((margins > 0).mean()), 4)
    return {"share": round(off / max(1, off + on), 4), "accuracy": accuracy, "pairs": len(looked)}
