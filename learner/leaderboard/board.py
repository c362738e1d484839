"""The leaderboard: every adapter with its strength, on the scale of Elo."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from analytics import Store
from learner.leaderboard.bradley_terry import Strengths, fit
from learner.leaderboard.votes import FEATURES, SOURCES, Source, Votes, votes
from learner.registry import Registry
from learner.shelf import BASE

SCALE = 400 / math.log(10)  # points of Elo in a nat
MIDDLE = 1000.0  # the mean of every set of adapters that comparisons connect


@dataclass(frozen=True)
class Standing:
    """An adapter: `rating` in points of Elo with its 95% interval, None where it is not known.

    `rank` counts who is surely better, plus one, within the adapters of one `component`: between two components nobody
    has compared. `expected` is the share of comparisons that it would win against the champion, ties as half.
    """

    adapter: str
    rating: float
    lower: float | None
    upper: float | None
    rank: int
    component: int
    votes: int
    expected: float | None


@dataclass(frozen=True)
class Worth:
    """What a feature of style is worth in points of Elo per unit, with its 95% interval."""

    feature: str
    worth: float
    lower: float | None
    upper: float | None


@dataclass(frozen=True)
class Leaderboard:
    """The best first; `style` is empty without style control.

    `counts` are the votes by source, `people` whose votes go together, `nu` Davidson's weight of ties.
    """

    standings: tuple[Standing, ...]
    counts: dict[str, int]
    people: int
    nu: float
    style: tuple[Worth, ...]
    controlled: bool

    def to_values(self) -> dict[str, Any]:
        """The fields by name, for JSON."""
        return asdict(self)


def leaderboard(
    store: Store,
    registry: Registry,
    sources: Collection[Source] = SOURCES,
    *,
    style: bool = False,
    resamples: int = 1000,
) -> Leaderboard:
    """Rank whatever has been compared; `style` controls for length and markdown."""
    found = compared(store, registry, sources)
    # Several reviewers judge one question, so questions are drawn as well, and the wider interval holds.
    ways = [found.cluster, found.question] if (found.source == "reviewers").any() else [found.cluster]
    fits = [
        fit(
            found.a,
            found.b,
            found.outcome,
            way,
            found.style if style else None,
            adapters=len(found.adapters),
            resamples=resamples,
        )
        for way in ways
    ]
    champion = registry.state().champion.adapter
    standings = [_standing(fits, found.adapters, place, champion) for place in range(len(found.adapters))]
    sizes = np.bincount(fits[0].component, minlength=1)
    # The largest set first: in the others there is little to see.
    order = sorted(standings, key=lambda one: (-sizes[one.component], one.component, -one.rating))
    return Leaderboard(
        standings=tuple(one for one in order if one.votes),
        counts={source: int((found.source == source).sum()) for source in sources},
        people=fits[0].people,
        nu=fits[0].nu,
        style=tuple(_worth(fits, at, name) for at, name in enumerate(FEATURES if style else ())),
        controlled=style,
    )


def compared(store: Store, registry: Registry, sources: Collection[Source] = SOURCES) -> Votes:
    """The votes between adapters of the model that is served."""
    known = [BASE, *(str(row["adapter"]) for row in reversed(registry.adapters()))]
    return votes(store, known, registry.arm(BASE).weights_sha256, sources)


def _standing(fits: Sequence[Strengths], adapters: tuple[str, ...], place: int, champion: str) -> Standing:
    found = fits[0]
    mine = found.component == found.component[place]
    better = sum(all(one.surely_better(rival, place) for one in fits) for rival in np.flatnonzero(mine).tolist())
    other = adapters.index(champion) if champion in adapters else None
    lower, upper = _ends([one.lower[place] for one in fits], [one.upper[place] for one in fits], MIDDLE)
    return Standing(
        adapter=adapters[place],
        rating=float(MIDDLE + SCALE * found.strengths[place]),
        lower=lower,
        upper=upper,
        rank=better + 1,
        component=int(found.component[place]),
        votes=int(found.votes[place]),
        expected=found.share(place, other) if other is not None and mine[other] and other != place else None,
    )


def _worth(fits: Sequence[Strengths], at: int, feature: str) -> Worth:
    ends = _ends([one.style_lower[at] for one in fits], [one.style_upper[at] for one in fits], 0.0)
    return Worth(feature, float(SCALE * fits[0].style[at]), *ends)


def _ends(lower: Sequence[float], upper: Sequence[float], middle: float) -> tuple[float | None, float | None]:
    """The wider interval in points, around `middle`; none where one of them is not known."""
    if any(math.isnan(end) for end in lower):
        return None, None
    return float(middle + SCALE * min(lower)), float(middle + SCALE * max(upper))
