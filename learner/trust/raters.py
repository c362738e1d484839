"""How reliable each rater is, by what others made of the same answers: Dawid and Skene's model with one coin each."""

from __future__ import annotations

import json
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from learner.lessons import Rating
from learner.pair import Pair
from learner.settings import LapSettings
from learner.trust.chance import holm, p_value
from learner.trust.record import Record
from learner.trust.step import Outcome, Row, sift, with_pairs
from learner.trust.texts import clusters, plain, prompt_text

LEAST_ITEMS = 20  # rated by two people or more; from fewer nothing can be told
PRIOR_ITEMS = 4.0  # as many items as these say that a rater is like the others
ROUNDS = 100


class Label(NamedTuple):
    """What one rater made of one item, as one of two answers."""

    item: str
    rater: str
    answer: int


def weigh_raters(rows: Sequence[Row], record: Record, settings: LapSettings) -> Outcome:
    """Take the rows of raters who are below chance, and weigh those of the others by their reliability."""
    labels = _overlapping([*_comparisons(rows), *_thumbs(rows, record)])
    items = len({label.item for label in labels})
    if items < LEAST_ITEMS:
        return Outcome(rows, note=f"{items} items were rated by several people, too few to weigh anybody by")
    weights, below = _weights(labels, settings.trust_alpha)
    found = sift(rows, lambda row: "its rater is below chance" if row.own and row.lesson.person in below else None)
    kept = [row._replace(lesson=_weighed(row, weights)) if row.own else row for row in found.kept]
    note = f"{len(weights)} raters on {items} items; {sum(weight < 1 for weight in weights.values())} weigh less than 1"
    return Outcome(kept, found.taken, note=note)


def _weighed(row: Row, weights: Mapping[str, float]) -> Pair | Rating:
    return replace(row.lesson, weight=round(row.lesson.weight * weights.get(row.lesson.person, 1.0), 3))


def _comparisons(rows: Sequence[Row]) -> list[Label]:
    """An item is a question and two answers to it, both up to near-duplicates, in an order that means nothing."""
    own = [(row, pair) for row, pair in with_pairs(rows) if row.own and pair.source != "rewrite"]
    asked = clusters([prompt_text(pair.prompt) for _, pair in own])
    said = clusters([plain(text) for _, pair in own for text in (pair.chosen, pair.rejected)])
    labels = []
    for place, (row, _) in enumerate(own):
        chosen, rejected = said[2 * place], said[2 * place + 1]
        if chosen != rejected:
            item = json.dumps([asked[place], min(chosen, rejected), max(chosen, rejected)])
            labels.append(Label(item, row.lesson.person, int(chosen < rejected)))
    return labels


def _thumbs(rows: Sequence[Row], record: Record) -> list[Label]:
    """An item is an answer that its person and a reviewer both rated."""
    people = {row.lesson.person for row in rows if row.own}
    latest = {
        (said.turn_id, said.person): Label(f"turn {said.turn_id}", said.person, int((said.vote or 0) > 0))
        for said in (*record.judged, *record.reviewed)
        if said.vote and (said.person in people or said.person.startswith("reviewer:"))
    }
    return list(latest.values())


def _overlapping(labels: Sequence[Label]) -> list[Label]:
    """The last label of each rater on each item that several rated."""
    last = {(label.item, label.rater): label for label in labels}.values()
    raters = Counter(label.item for label in last)
    return [label for label in last if raters[label.item] > 1]


def _weights(labels: Sequence[Label], alpha: float) -> tuple[dict[str, float], set[str]]:
    truth, skills = _dawid_skene(labels)
    hits: Counter[str] = Counter()
    rated: Counter[str] = Counter()
    for label in labels:
        rated[label.rater] += 1
        hits[label.rater] += truth[label.item] == label.answer
    usual = sum(skills[rater] * rated[rater] for rater in rated) / len(labels)
    below = holm({rater: p_value(hits[rater], rated[rater], 0.5, "less") for rater in rated}, alpha)
    weights = {}
    for rater, count in rated.items():
        skill = (skills[rater] * count + usual * PRIOR_ITEMS) / (count + PRIOR_ITEMS)
        weights[rater] = min(1.0, max(0.0, (skill - 0.5) / max(1e-9, usual - 0.5))) if usual > 0.5 else 1.0
    return weights, below


def _dawid_skene(labels: Sequence[Label]) -> tuple[Mapping[str, int], Mapping[str, float]]:
    """The likeliest answer of every item, and the share that each rater gets right."""
    import pandas as pd
    from crowdkit.aggregation import OneCoinDawidSkene

    table = pd.DataFrame(labels).rename(columns={"item": "task", "rater": "worker", "answer": "label"})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it still calls pandas in ways that pandas will give up
        fitted = OneCoinDawidSkene(n_iter=ROUNDS).fit(table)
    return dict(fitted.labels_), dict(fitted.skills_)
