"""What is talked about much must not drown the rest: a quota for each topic."""

from __future__ import annotations

import math
import warnings
from collections import Counter
from collections.abc import Sequence

from learner.settings import LapSettings
from learner.trust import Outcome, Record, Row
from learner.trust.caps import capped
from learner.trust.texts import prompt_text

LEAST_ROWS = 60  # below which there is nothing to divide
MOST_TOPICS = 40
FEATURES = 1 << 12
FITTED = 20_000  # prompts that the topics are found among; the others join the nearest


def cap_topics(rows: Sequence[Row], record: Record, settings: LapSettings) -> Outcome:
    """Keep the newest of each topic, up to the greater of `topic_rows` and `topic_share` of what is kept."""
    if len(rows) <= settings.topic_rows or len(rows) < LEAST_ROWS:
        return Outcome(rows, note="too few rows for a quota")
    numbers, names = topics([prompt_text(row.lesson.prompt) for row in rows], settings.seed)
    of = {id(row): number for row, number in zip(rows, numbers, strict=True)}
    limits = settings.topic_rows, settings.topic_share
    outcome = capped(rows, lambda row: of[id(row)], *limits, "about one topic", every=True)
    loudest = Counter(numbers).most_common(1)[0]
    note = f"{len(names)} topics, the loudest ({names[loudest[0]]}) with {loudest[1]} of {len(rows)} rows"
    return Outcome(outcome.kept, outcome.taken, note=note)


def topics(texts: Sequence[str], seed: int) -> tuple[list[int], list[str]]:
    """The number of each text's topic, and for each topic the words that tell it from the others.

    K-means over hashed TF-IDF (Salton and Buckley 1988; Weinberger et al. 2009), with as many topics as the root of half
    the distinct texts.
    """
    distinct = list(dict.fromkeys(texts))
    count = max(1, min(MOST_TOPICS, math.isqrt(len(distinct) // 2)))
    numbers = dict(zip(distinct, _clustered(distinct, count, seed), strict=True))
    return [numbers[text] for text in texts], _names(numbers, count)


def _clustered(texts: Sequence[str], count: int, seed: int) -> list[int]:
    from sklearn.cluster import MiniBatchKMeans  # as slow to load as scipy, and for laps only
    from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer

    words = HashingVectorizer(n_features=FEATURES, alternate_sign=False, norm=None, ngram_range=(1, 2))
    counted = words.transform(texts)
    weighed = TfidfTransformer(sublinear_tf=True).fit_transform(counted)
    means = MiniBatchKMeans(count, random_state=seed, n_init=3, batch_size=2048)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of fewer distinct points than topics
        means.fit(weighed[:: max(1, len(texts) // FITTED)])
    return [int(number) for number in means.predict(weighed)]


def _names(numbers: dict[str, int], count: int) -> list[str]:
    """For each topic the three words that it has more often than the whole (by lift times share)."""
    every: Counter[str] = Counter()
    inside: list[Counter[str]] = [Counter() for _ in range(count)]
    for text, number in numbers.items():
        words = {word for word in text.split() if len(word) > 3}
        every.update(words)
        inside[number].update(words)

    def telling(found: Counter[str]) -> str:
        best = sorted(found, key=lambda word: (-(found[word] ** 2) / every[word], word))
        return " ".join(best[:3])

    return [telling(found) for found in inside]
