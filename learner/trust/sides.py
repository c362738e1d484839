"""People who vote against the crowd together, and for much more of the votes than of the people."""

from __future__ import annotations

import itertools
import math
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from learner.lessons import Rating
from learner.settings import LapSettings
from learner.trust.chance import holm, p_value
from learner.trust.record import Record
from learner.trust.step import Hold, Outcome, Row, hold_people, with_pairs

LEAST_PEOPLE = 3  # one or two are a taste of their own
LOUDER = 2.0  # how much more of the rows than of the people a group has to have
_WORD = re.compile(r"[^\W\d_]+|\d+[.)]|[!?]")
LENGTHS = (10, 20, 40, 80)  # words

Features = frozenset[str]


class Crowd:
    """What the people of `rows` prefer, feature by feature, each person with one voice however much they say."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self.signs: defaultdict[str, list[Mapping[str, int]]] = defaultdict(list)
        for row in rows:
            self.signs[row.lesson.person].append(signs(row))
        self._voices = {person: _voice(given) for person, given in self.signs.items()}
        self._up: defaultdict[str, float] = defaultdict(float)
        self._down: defaultdict[str, float] = defaultdict(float)
        for voice in self._voices.values():
            for feature, share in voice.items():
                self._up[feature] += share
                self._down[feature] += 1 - share

    def agreement(self, person: str) -> tuple[int, int]:
        """In how many of a person's rows, and of how many, the others would prefer what the person did."""
        voice = self._voices[person]

        def leaning(feature: str) -> float:
            share = voice[feature]
            return math.log((self._up[feature] - share + 1) / (self._down[feature] - (1 - share) + 1))

        scores = [sum(sign * leaning(feature) for feature, sign in row.items()) for row in self.signs[person]]
        decided = [score for score in scores if abs(score) > 1e-9]
        return sum(score > 0 for score in decided), len(decided)


def hold_sides(rows: Sequence[Row], record: Record, settings: LapSettings) -> Outcome:
    """Hold people who prefer the opposite of the crowd far beyond chance, where they do so together.

    A minority with a taste of its own speaks for as many of the rows as of the people, and is left alone.
    """
    # Who likes or dislikes most answers that they get has a temper and no side, so ratings are no evidence.
    evidence = [row for row, _ in with_pairs(rows) if row.own and record.fresh(row.lesson.person, row.seq)]
    against = _against(Crowd(evidence), settings.trust_alpha)
    theirs = [row for row in evidence if row.lesson.person in against]
    people = len({row.lesson.person for row in evidence})
    louder = len(theirs) / max(1, len(evidence)) >= LOUDER * len(against) / max(1, people)
    if len(against) < LEAST_PEOPLE or not louder or not _together(theirs, settings.trust_alpha):
        return hold_people(rows, ())
    reason = (
        f"{len(against)} people who prefer alike what the others do not, with {len(theirs)} of {len(evidence)} rows"
    )
    return hold_people(rows, [Hold("sides", reason, tuple(sorted(against)))])


def _against(crowd: Crowd, alpha: float) -> set[str]:
    """Who agrees with the crowd less than people do, beyond chance."""
    found = {person: crowd.agreement(person) for person in crowd.signs}
    shares = [agreed / tries for agreed, tries in found.values() if tries]
    if not shares:
        return set()
    usual = sum(shares) / len(shares)
    return holm({who: p_value(*counts, usual, "less") for who, counts in found.items() if counts[1]}, alpha)


def _together(rows: Sequence[Row], alpha: float) -> bool:
    """Whether each would prefer what the others of them did."""
    group = Crowd(rows)
    counts = [group.agreement(person) for person in group.signs]
    agreed, tries = sum(count[0] for count in counts), sum(count[1] for count in counts)
    return tries > 0 and p_value(agreed, tries, 0.5, "greater") <= alpha


def signs(row: Row) -> Mapping[str, int]:
    """1 for what only the preferred answer has, -1 for what only the other one has; nothing for a rating."""
    if isinstance(row.lesson, Rating):
        return {}
    chosen, rejected = features(row.lesson.chosen), features(row.lesson.rejected)
    return {**dict.fromkeys(chosen - rejected, 1), **dict.fromkeys(rejected - chosen, -1)}


def features(answer: str) -> Features:
    """Words, pairs of words, and how long the answer is."""
    words = _WORD.findall(answer.lower())
    longer = {f"over {length} words" for length in LENGTHS if len(words) > length}
    return frozenset({*words, *map(" ".join, itertools.pairwise(words)), *longer})


def _voice(given: Sequence[Mapping[str, int]]) -> Mapping[str, float]:
    """Of the times that a person chose between an answer with a feature and one without, the share for it."""
    up: Counter[str] = Counter()
    seen: Counter[str] = Counter()
    for row in given:
        for feature, sign in row.items():
            seen[feature] += 1
            up[feature] += sign > 0
    return {feature: up[feature] / seen[feature] for feature in seen}
