"""What other thresholds would have done: the log of verdicts, replayed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analytics import Store, screened
from analytics.rates import Cell, Rate, precision, recall
from analytics.screened import PLACES, Found
from chatbot.errors import BadRequest
from chatbot.kept import Kept
from chatbot.live_policy import LivePolicy
from safety import BadPolicy, Decision
from safety.change import Change
from safety.policy import Entry
from safety.replay import OUTCOMES, decisions, outcomes, with_threshold
from safety.rules import ANY

GRID = np.round(np.linspace(0, 1, 101), 2)
MOST_EXAMPLES = 20
LONGEST_DAYS = 3660
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Curve:
    """By threshold (`GRID`): texts that reach it, and precision and recall of it, None where nothing is known."""

    thresholds: Sequence[float]
    texts: Sequence[int]
    precision: Sequence[float | None]
    recall: Sequence[float | None]


@dataclass(frozen=True)
class Example:
    """A text whose fate changes; `right` is what a reviewer judged of the category, None where nobody has."""

    turn_id: str
    text: str
    score: float
    now: str
    then: str
    right: bool | None


@dataclass(frozen=True)
class WhatIf:
    """The log replayed: `now` and `then` count texts by outcome, `changed` are those that differ.

    Of the changed ones `judged_true` were judged to be of the category, and `judged_false` not to be.
    """

    filter: str
    label: str
    category: str
    role: str
    action: str
    before: float | None
    threshold: float
    days: float
    shadow: bool
    texts: int
    now: Mapping[str, int]
    then: Mapping[str, int]
    changed: int
    judged_true: int
    judged_false: int
    precision: Rate | None
    recall: Rate | None
    precision_before: Rate | None
    recall_before: Rate | None
    curve: Curve
    examples: Sequence[Example]

    def evidence(self) -> dict[str, Any]:
        """What a proposal keeps of it."""
        rates = ("precision", "recall", "precision_before", "recall_before")
        return {
            **{name: getattr(self, name) for name in ("days", "texts", "now", "then", "changed")},
            **{name: getattr(self, name) for name in ("judged_true", "judged_false")},
            **{name: rate and rate._asdict() for name in rates for rate in (getattr(self, name),)},
        }


@dataclass(frozen=True)
class _Texts:
    """The logged texts of a filter as columns, shape (texts,); strata by their number, -1 for what waits for nobody."""

    turn_ids: NDArray[Any]
    scores: Mapping[str, Floats]
    others: NDArray[np.int8]
    strata: NDArray[np.int64]
    probabilities: Sequence[float]


class WhatIfs:
    """Replays the log of `store` under changes of the policy in force. Its calls block, so they are for threads."""

    def __init__(self, store: Store, policy: LivePolicy) -> None:
        self._store, self._policy, self._kept = store, policy, Kept()

    def what_if(self, change: Change, days: float) -> WhatIf:
        """Replay the log under a change. Raises BadRequest where the policy or the log has nothing of it."""
        since = since_days(days)
        if not 0 <= change.threshold <= 1:
            raise BadRequest(f"The threshold is {change.threshold}; it must be a score from 0 to 1.")
        try:
            before = change.before(self._policy.policy)
        except BadPolicy as error:
            raise BadRequest(str(error)) from None
        entry = next(entry for entry in self._policy.policy.entries if entry.name == change.filter_id)
        place = PLACES[change.role]
        labels = self._labels(entry, change, since)
        key = ("texts", change.filter_id, place, days, *labels)
        texts = self._kept.get(key, lambda: self._texts(change.filter_id, place, labels, since))
        if np.isnan(texts.scores.get(change.label, np.array([np.nan]))).all():
            raise BadRequest(
                f"The filter {change.filter_id!r} has logged no scores of {change.label!r} in the last {days:g} days, "
                "so there is nothing to replay."
            )
        return self._replayed(change, entry, before, texts, days, since)

    def choices(self, days: float) -> list[tuple[str, Change]]:
        """What can be replayed, with the thresholds in force: a name for each, and the change that changes nothing."""
        return [choice for entry in self._policy.policy.entries for choice in self._choices(entry, days)]

    def _choices(self, entry: Entry, days: float) -> Iterator[tuple[str, Change]]:
        for role, rules in entry.rules.by_role.items():
            steps = [(label, step) for label, rule in rules.items() for step in rule.steps if label != ANY]
            for label, step in steps if (entry.name, PLACES[role]) in self._scorers(days) else ():
                name = f"{entry.name} · {label} · {PLACES[role]} · {step.decision} from {step.threshold:g}"
                yield name, Change(entry.name, label, role, str(step.decision), step.threshold)

    def _scorers(self, days: float) -> set[tuple[str, str]]:
        since = since_days(days)
        return self._kept.get(("scorers", days), lambda: screened.scorers(self._store, since))

    def _labels(self, entry: Entry, change: Change, since: datetime) -> list[str]:
        """Those that the rules name; where they hold for any label, all that were logged."""
        named, place = entry.rules.by_role[change.role], PLACES[change.role]
        logged = screened.labels_logged(self._store, entry.name, place, since) if ANY in named else []
        return sorted({*named, *logged, change.label})

    def _texts(self, filter_id: str, place: str, labels: Sequence[str], since: datetime) -> _Texts:
        columns = screened.scored(self._store, filter_id, place, labels, since)
        strata, numbers = [], np.full(len(columns["turn_id"]), -1)
        waiting = np.flatnonzero(~np.isnan(columns["probability"].astype(np.float64)))
        for place_ in waiting:
            stratum = (columns["stratum"][place_], float(columns["probability"][place_]))
            if stratum not in strata:
                strata.append(stratum)
            numbers[place_] = strata.index(stratum)
        return _Texts(
            turn_ids=columns["turn_id"],
            scores={label: columns[f"s{number}"].astype(np.float64) for number, label in enumerate(labels)},
            others=columns["others"].astype(np.int8),
            strata=numbers,
            probabilities=[probability for _, probability in strata],
        )

    def _replayed(
        self, change: Change, entry: Entry, before: float | None, texts: _Texts, days: float, since: datetime
    ) -> WhatIf:
        action, place = Decision(change.action), PLACES[change.role]
        rule = entry.rules.rule(change.role, change.label)
        category = rule.category if rule and rule.category else change.label
        changed = with_threshold(entry.rules, change.role, change.label, action, change.threshold)
        now = outcomes(decisions(entry.rules, change.role, texts.scores), texts.others)
        then = outcomes(decisions(changed, change.role, texts.scores), texts.others)
        truth = self._truth(texts, Found(change.filter_id, place, change.label, category), since)
        score, differs = texts.scores[change.label], now != then
        rates = [
            rate(_cells(texts, truth, score >= threshold)) if threshold is not None else None
            for threshold in (change.threshold, before)
            for rate in (precision, recall)
        ]
        return WhatIf(
            filter=change.filter_id,
            label=change.label,
            category=category,
            role=change.role,
            action=change.action,
            before=before,
            threshold=change.threshold,
            days=days,
            shadow=entry.shadow,
            texts=len(score),
            now=_counts(now),
            then=_counts(then),
            changed=int(differs.sum()),
            judged_true=int((differs & (truth == 1)).sum()),
            judged_false=int((differs & (truth == 0)).sum()),
            precision=rates[0],
            recall=rates[1],
            precision_before=rates[2],
            recall_before=rates[3],
            curve=_curve(texts, truth, score),
            examples=self._examples(texts, place, score, now, then, truth, change.threshold),
        )

    def _truth(self, texts: _Texts, found: Found, since: datetime) -> Floats:
        """1 where a text was judged to be of the category, 0 where not to be, NaN where it was not judged."""
        known = screened.truths(self._store, since, found)
        truth = np.full(len(texts.turn_ids), np.nan)
        for place in np.flatnonzero(texts.strata >= 0):
            if (said := known.get(texts.turn_ids[place])) is not None:
                truth[place] = said
        return truth

    def _examples(
        self,
        texts: _Texts,
        place: str,
        score: Floats,
        now: NDArray[np.int8],
        then: NDArray[np.int8],
        truth: Floats,
        threshold: float,
    ) -> list[Example]:
        """Those of the changed texts that are nearest to the threshold."""
        changed = np.flatnonzero(now != then)
        nearest = changed[np.argsort(np.abs(score[changed] - threshold), kind="stable")][: 2 * MOST_EXAMPLES]
        said = screened.examples(self._store, [texts.turn_ids[one] for one in nearest], place)
        return [
            Example(
                turn_id=texts.turn_ids[one],
                text=said[texts.turn_ids[one]],
                score=float(score[one]),
                now=str(OUTCOMES[now[one]]),
                then=str(OUTCOMES[then[one]]),
                right=None if np.isnan(truth[one]) else bool(truth[one]),
            )
            for one in nearest
            if texts.turn_ids[one] in said
        ][:MOST_EXAMPLES]


def since_days(days: float) -> datetime:
    """So many days ago. Raises BadRequest."""
    if not 0 < days <= LONGEST_DAYS:
        raise BadRequest(f"days is {days:g}; it must be above 0, and {LONGEST_DAYS} at most.")
    return datetime.now(UTC) - timedelta(days=days)


def _counts(decided: NDArray[np.int8]) -> dict[str, int]:
    counted = np.bincount(decided, minlength=len(OUTCOMES))
    return {str(outcome): int(counted[place]) for place, outcome in enumerate(OUTCOMES)}


def _cells(texts: _Texts, truth: Floats, flagged: NDArray[np.bool_]) -> list[Cell]:
    made = []
    for stratum, probability in enumerate(texts.probabilities):
        for is_flagged in (True, False):
            inside = (texts.strata == stratum) & (flagged == is_flagged)
            if inside.any():
                judged = inside & ~np.isnan(truth)
                true = int((inside & (truth == 1)).sum())
                made.append(Cell(is_flagged, int(inside.sum()), probability, int(judged.sum()), true))
    return made


def _curve(texts: _Texts, truth: Floats, score: Floats) -> Curve:
    """By threshold, from the sums of each stratum above and below it; see `rates` for the weights."""
    caught, lost, flagged = (np.zeros(len(GRID)) for _ in range(3))
    known_above, known_below = (np.zeros(len(GRID), dtype=bool) for _ in range(2))
    for stratum, probability in enumerate(texts.probabilities):
        inside = texts.strata == stratum
        waiting, judged, true = (
            _above(score[inside & chosen]) for chosen in (np.full(len(score), True), ~np.isnan(truth), truth == 1)
        )
        share = _share(true, judged)
        caught += waiting / probability * share
        flagged += np.where(judged > 0, waiting / probability, 0)
        below = _share(true[0] - true, judged[0] - judged)
        lost += (waiting[0] - waiting) / probability * below
        known_above |= judged > 0
        known_below |= judged[0] - judged > 0
    return Curve(
        thresholds=GRID.tolist(),
        texts=_above(score).astype(int).tolist(),
        precision=_known(caught, flagged, known_above),
        recall=_known(caught, caught + lost, known_below & (caught + lost > 0)),
    )


def _above(score: Floats) -> Floats:
    """How many scores reach each threshold of the grid; the first of it is 0, which all reach."""
    return len(score) - np.searchsorted(np.sort(score), GRID, side="left").astype(np.float64)


def _share(part: Floats, whole: Floats) -> Floats:
    return np.divide(part, whole, out=np.zeros(len(GRID)), where=whole > 0)


def _known(part: Floats, whole: Floats, known: NDArray[np.bool_]) -> list[float | None]:
    shares = _share(part, whole)
    return [round(float(share), 4) if is_known else None for share, is_known in zip(shares, known, strict=True)]
