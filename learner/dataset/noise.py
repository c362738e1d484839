"""How many labels are wrong: two estimates that need no language model. Nothing is dropped by them."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

from learner.pair import Pair
from learner.trust.texts import clusters, plain, prompt_text

LEAST_ITEMS = 20  # that two people judged
LEAST_PAIRS = 100  # for the cross-validation
MOST_PAIRS = 20_000  # that it looks at
FOLDS, FEATURES = 5, 1 << 13


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
    """By confident learning (Northcutt et al. 2021, "Confident Learning") with one class mirrored onto the other.

    Logistic regression on the words that only one answer has tells the order of pairs that it was not fitted on; a pair
    is off where the regression is for the other order, and surer than it is on average of the order that was given.
    `accuracy` says how much such words tell at all: near a half the estimate says little.
    """
    if len(pairs) < LEAST_PAIRS:
        return None
    import numpy as np
    from sklearn.feature_extraction.text import HashingVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GroupKFold, cross_val_predict

    looked = pairs[-MOST_PAIRS:]
    words = HashingVectorizer(n_features=FEATURES, ngram_range=(1, 2), binary=True, norm=None, alternate_sign=False)
    chosen, rejected = (words.transform(texts) for texts in zip(*((p.chosen, p.rejected) for p in looked), strict=True))
    signs = np.random.default_rng(seed).choice([-1, 1], len(looked))
    differences: Any = (chosen - rejected).multiply(signs[:, None]).tocsr()
    people = np.unique([pair.person for pair in looked], return_inverse=True)[1]
    if people.max() + 1 < FOLDS:
        return None
    fitted = LogisticRegression(C=0.1, fit_intercept=False, max_iter=200)
    folds = GroupKFold(FOLDS)
    told = cross_val_predict(fitted, differences, signs > 0, groups=people, cv=folds, method="predict_proba")
    given = np.where(signs > 0, told[:, 1], told[:, 0])  # how likely the order is that was given
    threshold = given.mean()
    off = 1 - given >= max(0.5, threshold)
    return {"share": round(float(off.mean()), 4), "accuracy": round(float((given > 0.5).mean()), 4), "pairs": len(looked)}
