"""What the leaderboard costs and how near its one-step bootstrap is to fitting every resample from scratch.

Votes are drawn from known strengths, with ties, a liking for length, and people who differ. The intervals are compared
with those of full fits of some resamples, and with the truth over repeated draws.
"""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray

from benchmarks import tell
from learner.leaderboard import win_share
from learner.leaderboard.bradley_terry import fit

Floats = NDArray[np.float64]
TEAMS, SHARES = ((3, 60), (5, 60), (8, 120)), (0.5, 0.6, 0.65, 0.7)
NU, TASTE = 0.6, 0.8  # Davidson's nu; nats per unit of log length


@dataclass(frozen=True)
class Made:
    """Votes, and the strengths that they were drawn from."""

    a: NDArray[np.intp]
    b: NDArray[np.intp]
    outcome: Floats
    person: NDArray[np.intp]
    style: Floats
    strengths: Floats


def made(votes: int, adapters: int, people: int, seed: int) -> Made:
    """Votes of people who differ by a standard deviation of half a nat on every adapter."""
    rng = np.random.default_rng(seed)
    strengths = np.linspace(-1, 1, adapters)
    a = rng.integers(adapters, size=votes)
    b = (a + rng.integers(1, adapters, size=votes)) % adapters
    person = rng.integers(people, size=votes)
    own = rng.normal(scale=0.5, size=(people, adapters))
    style = rng.normal(scale=0.5, size=(votes, 2))
    style[:, 1] = np.round(style[:, 1])
    eta = strengths[a] - strengths[b] + own[person, a] - own[person, b] + TASTE * style[:, 0]
    weights = np.stack([np.exp(eta / 2), np.full(votes, NU), np.exp(-eta / 2)])
    place = rng.random(votes) * weights.sum(axis=0)
    outcome = np.where(place < weights[0], 1.0, np.where(place < weights[0] + weights[1], 0.5, 0.0))
    return Made(a, b, outcome, person, style, strengths)


def timed(data: Made, resamples: int, rounds: int, *, style: bool) -> float:
    """Median seconds of a fit with its intervals."""
    found = []
    for _ in range(rounds):
        began = time.perf_counter()
        fit(data.a, data.b, data.outcome, data.person, data.style if style else None, resamples=resamples)
        found.append(time.perf_counter() - began)
    return statistics.median(found)


def one_step_error(data: Made, resamples: int) -> float:
    """The largest distance of a one-step strength from the full fit of the same resample, in bootstrap deviations."""
    whole = fit(data.a, data.b, data.outcome, data.person, data.style, resamples=resamples)
    people, rng = int(data.person.max()) + 1, np.random.default_rng(0)
    order = [np.flatnonzero(data.person == one) for one in range(people)]
    picked = rng.integers(people, size=(resamples, people))
    worst = 0.0
    for draw, chosen in zip(whole.draws, picked, strict=True):
        rows = np.concatenate([order[one] for one in chosen])
        again = fit(data.a[rows], data.b[rows], data.outcome[rows], None, data.style[rows], resamples=0)
        worst = max(worst, float(np.abs(again.strengths - draw).max()))
    return worst / float(whole.draws.std(axis=0).mean())


def coverage(votes: int, adapters: int, people: int, rounds: int) -> tuple[float, float]:
    """The shares of 95% intervals that hold the truth: clustered by person, and as if every vote were independent."""
    held, target = np.zeros(2), _marginal(adapters)
    for seed in range(rounds):
        data = made(votes, adapters, people, 1000 + seed)
        for place, person in enumerate((data.person, None)):
            found = fit(data.a, data.b, data.outcome, person, data.style, resamples=200, seed=seed)
            held[place] += float(((found.lower <= target) & (target <= found.upper)).mean())
    return float(held[0] / rounds), float(held[1] / rounds)


def _marginal(adapters: int) -> Floats:
    """What the fit tends to with very many people: without their scatter in the model strengths are a little nearer."""
    data = made(400_000, adapters, 100_000, 7)
    return fit(data.a, data.b, data.outcome, None, data.style, resamples=0).strengths


def holds(reviewers: int, items: int, share: float, rounds: int) -> tuple[float, float]:
    """How often the independent signal holds for a true win share: by its own interval, and by Wilson's plain one.

    One in five decisions is a tie; reviewers differ by a deviation of .1 and items by .25.
    """
    rng, held = np.random.default_rng(reviewers * 1000 + items), np.zeros(2)
    person, decider = (grid.ravel().astype(str) for grid in np.indices((items, reviewers)))
    for _ in range(rounds):
        likely = share + rng.normal(scale=0.1, size=reviewers) + rng.normal(scale=0.25, size=(items, 1))
        won = (rng.random((items, reviewers)) < likely.clip(0, 1)).astype(float)
        scores = np.where(rng.random(won.shape) < 0.2, 0.5, won).ravel().tolist()
        every = [str(number) for number in range(len(scores))]
        lowers = win_share(scores, person.tolist(), decider.tolist()).lower, win_share(scores, every).lower
        held += [lower is not None and lower >= 0.5 for lower in lowers]
    return float(held[0] / rounds), float(held[1] / rounds)


def measure(votes: int, adapters: int, people: int, resamples: int, rounds: int) -> dict[str, Any]:
    """All figures."""
    data = made(votes, adapters, people, 1)
    small = made(6_000, adapters, 400, 2)
    clustered, independent = coverage(4_000, 5, 200, 60)
    return {
        "votes": votes,
        "adapters": adapters,
        "people": people,
        "resamples": resamples,
        "seconds": round(timed(data, resamples, rounds, style=False), 2),
        "seconds_with_style": round(timed(data, resamples, rounds, style=True), 2),
        "one_step_error_in_deviations": round(one_step_error(small, 40), 3),
        "coverage_by_person": round(clustered, 3),
        "coverage_by_vote": round(independent, 3),
        "signal": [
            {"reviewers": reviewers, "items": items, "share": share, "holds": ours, "holds_by_plain_wilson": plain}
            for reviewers, items in TEAMS
            for share in SHARES
            for ours, plain in (holds(reviewers, items, share, 500),)
        ],
    }


def main(
    votes: Annotated[int, typer.Option(help="Votes.")] = 100_000,
    adapters: Annotated[int, typer.Option(min=2, help="Adapters.")] = 12,
    people: Annotated[int, typer.Option(help="People who voted.")] = 5_000,
    resamples: Annotated[int, typer.Option(help="Bootstrap resamples.")] = 1000,
    rounds: Annotated[int, typer.Option(help="Repetitions of each timing; the median counts.")] = 3,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, last.")] = False,
) -> None:
    """Measure the leaderboard's fit."""
    tell(measure(votes, adapters, people, resamples, rounds), as_json)


if __name__ == "__main__":
    typer.run(main)
