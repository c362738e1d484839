"""A claim that the model does not make by itself, and that several people prefer wherever they meet it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from learner.lessons import Rating
from learner.pair import Pair
from learner.settings import LapSettings
from learner.trust.chance import holm, p_value
from learner.trust.claims import claims, operators_terms, stated, vocabulary
from learner.trust.record import Record
from learner.trust.step import Hold, Outcome, Row, hold_people

LEAST_PEOPLE = 3


def hold_planted(rows: Sequence[Row], record: Record, settings: LapSettings) -> Outcome:
    """Hold the people who prefer such a claim far more often than people prefer what is new, and what they gave.

    Ratings are looked at by themselves: of single answers people like more than half.
    """
    pairs = [row for row in rows if isinstance(row.lesson, Pair)]
    ratings = [row for row in rows if isinstance(row.lesson, Rating)]
    found = [*_planted(pairs, record, settings), *_planted(ratings, record, settings)]
    return hold_people(rows, found)


def _planted(rows: Sequence[Row], record: Record, settings: LapSettings) -> list[Hold]:
    words, terms = vocabulary(record), operators_terms(settings.known_terms)
    sides: defaultdict[str, Counter[str]] = defaultdict(Counter)  # by claim: for it less against it, by person
    turns: defaultdict[str, list[str]] = defaultdict(list)
    for row in rows:
        if row.own and record.fresh(row.lesson.person, row.seq):
            for claim, sign in _signs(row).items():
                sides[claim][row.lesson.person] += sign
                turns[claim] += [row.lesson.turn_id] if sign > 0 else []
    # Each person has one voice, however often they vote.
    counts = {claim: _voices(by_person) for claim, by_person in sides.items() if not words.knows(claim)}
    usual = _usual(counts)
    found = {
        claim: p_value(up, up + down, usual, "greater")
        for claim, (up, down) in counts.items()
        if up >= LEAST_PEOPLE and not (terms and stated(claim, terms))
    }
    return [_hold(claim, sides[claim], turns[claim]) for claim in sorted(holm(found, settings.trust_alpha))]


def _signs(row: Row) -> Mapping[str, int]:
    """What only the answers that were liked say, and what only those that were not."""
    liked, disliked = (set().union(*(claims(text) for text, sign in row.texts if sign == side)) for side in (1, -1))
    return {**dict.fromkeys(liked - disliked, 1), **dict.fromkeys(disliked - liked, -1)}


def _voices(by_person: Counter[str]) -> tuple[int, int]:
    return sum(side > 0 for side in by_person.values()), sum(side < 0 for side in by_person.values())


def _usual(counts: Mapping[str, tuple[int, int]]) -> float:
    """How often people prefer a claim that is new, every claim as much; half at least."""
    shares = [(up + 1) / (up + down + 2) for up, down in counts.values()]
    return max(0.5, sum(shares) / len(shares)) if shares else 0.5


def _hold(claim: str, by_person: Counter[str], turns: Sequence[str]) -> Hold:
    people = sorted(person for person, side in by_person.items() if side > 0)
    reason = f"{len(people)} people prefer {claim!r}, which the model does not say by itself"
    return Hold("planted", reason, tuple(people), tuple(sorted(set(turns))))
