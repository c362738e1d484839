"""Whether a judge agrees with people often enough to label in their place."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from learner.judges.judge import Case, Judge, Verdict
from learner.pair import OF_NO_PERSON, Pair
from safety.interval import Rate, wilson

DRAWS = 4000
LEAST_PEOPLE = 10


@dataclass(frozen=True)
class Calibration:
    """How a judge did on pairs that people had decided.

    `agreement` is the share of the pairs on which both decided that went the same way, with its 95% interval `low` to
    `high`. `shown_first` is how often the judge preferred the answer that it was shown first, over both orders; 0.5 is
    no bias of position, since every answer is shown first once. `ties` are pairs on which it was undecided or changed
    its mind with the order (`flips`); `unread` those on which what it said could not be read.
    """

    judge: str
    pairs: int
    people: int
    decided: int
    ties: int
    flips: int
    unread: int
    agreement: float | None
    low: float | None
    high: float | None
    shown_first: float | None
    shown_first_low: float | None
    shown_first_high: float | None
    margin: float
    passed: bool
    reason: str
    created: str

    @classmethod
    def from_values(cls, values: dict[str, Any]) -> Self:
        """What `to_values` gave. Raises TypeError where it is of another version."""
        return cls(**values)

    def to_values(self) -> dict[str, Any]:
        """The fields by name, for JSON."""
        return asdict(self)


def calibrate(
    judge: Judge, pairs: Sequence[Pair], *, margin: float = 0.05, most: int = 400, seed: int = 0
) -> Calibration:
    """Have the judge decide up to `most` of the pairs that people decided, and compare.

    It passes where the lower end of the interval is above 0.5 + `margin`. The interval is the wider of Wilson's and of
    a bootstrap that draws whole people, because the pairs of one person are not independent; below ten people it does
    not pass. Pairs of people whom the judge learned from are left out. Raises JudgeFailed.
    """
    pairs = drawn(judge, pairs, most, seed)
    # Which side the preferred answer is on must not tell the judge anything.
    rng = random.Random(seed)
    sides = [rng.random() < 0.5 for _ in pairs]
    cases = [
        Case(pair.prompt, *((pair.chosen, pair.rejected) if ahead else (pair.rejected, pair.chosen)))
        for pair, ahead in zip(pairs, sides, strict=True)
    ]
    verdicts = judge.compare(cases) if cases else []
    decided = [place for place, verdict in enumerate(verdicts) if verdict.winner is not None]
    right = np.array(
        [verdicts[place].winner == ("first" if sides[place] else "second") for place in decided], dtype=float
    )
    people = [pairs[place].person for place in decided]
    low, high = interval(right, people, seed) if decided else (None, None)
    first = _shown_first(verdicts)
    read = [verdict for verdict in verdicts if verdict.read]
    found: dict[str, Any] = {
        "judge": judge.identity,
        "pairs": len(pairs),
        "people": len({pair.person for pair in pairs}),
        "decided": len(decided),
        "ties": len(read) - len(decided),
        "flips": sum(_flipped(verdict) for verdict in read),
        "unread": len(verdicts) - len(read),
        "agreement": round(float(right.mean()), 4) if decided else None,
        "low": low,
        "high": high,
        "shown_first": first.rate,
        "shown_first_low": first.low,
        "shown_first_high": first.high,
        "margin": margin,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    passed, reason = _verdict(found, len(set(people)))
    return Calibration(**found, passed=passed, reason=reason)


def drawn(judge: Judge, pairs: Sequence[Pair], most: int, seed: int) -> list[Pair]:
    """The pairs that say something about this judge, at most so many of them."""
    usable = [pair for pair in pairs if pair.source not in OF_NO_PERSON and not judge.learned_from(pair.person)]
    return usable if len(usable) <= most else random.Random(seed).sample(usable, most)


def interval(right: NDArray[np.float64], people: Sequence[str], seed: int) -> tuple[float, float]:
    """The 95% interval of the mean of `right`, shape (pairs,): the wider of Wilson's and of a bootstrap over people.

    Wilson's is honest where all agree, which a bootstrap takes for certain; the bootstrap where the pairs of one person
    go together.
    """
    _, index = np.unique(np.asarray(people), return_inverse=True)
    sums, counts = np.bincount(index, weights=right), np.bincount(index)
    draws = np.random.default_rng(seed).integers(len(sums), size=(DRAWS, len(sums)))
    means = sums[draws].sum(axis=1) / counts[draws].sum(axis=1)
    single = wilson(int(right.sum()), len(right))
    assert single.low is not None and single.high is not None
    low, high = (float(np.quantile(means, share)) for share in (0.025, 0.975))
    return round(min(low, single.low), 4), round(max(high, single.high), 4)


def _shown_first(verdicts: Sequence[Verdict]) -> Rate:
    won = [
        preferred
        for verdict in verdicts
        for told, preferred in (
            (verdict.shown_first, (verdict.shown_first or 0.0) > 0.5),
            (verdict.shown_second, (verdict.shown_second or 0.0) < 0.5),
        )
        if told is not None and told != 0.5
    ]
    return wilson(sum(won), len(won))


def _flipped(verdict: Verdict) -> bool:
    assert verdict.shown_first is not None and verdict.shown_second is not None
    return (verdict.shown_first - 0.5) * (verdict.shown_second - 0.5) < 0


def _verdict(found: dict[str, Any], people: int) -> tuple[bool, str]:
    needed = 0.5 + found["margin"]
    if people < LEAST_PEOPLE:
        return False, (
            f"It decided pairs of {people} people that it had not learned from, and at least {LEAST_PEOPLE} are needed "
            f"({found['pairs']} pairs, {found['ties']} ties, {found['unread']} unreadable)."
        )
    passed = found["low"] > needed
    return passed, (
        f"It agrees with people on {found['agreement']:.3f} of {found['decided']} pairs (95% {found['low']:.3f} to "
        f"{found['high']:.3f}); the lower end is {'above' if passed else 'not above'} {needed:.3f}."
    )
