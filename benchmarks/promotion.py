"""What the re-test of a winner on fresh votes is worth: false promotions, and how far the measured effects flatter.

Candidates come night after night and the first to win its experiment is promoted, so a winner is the best of as many as
were tried. People have one vote each, up with 70% where nothing is better. Run as: ./ratchet bench promotion --json
"""

from __future__ import annotations

from typing import Annotated, Any, NamedTuple

import numpy as np
import typer
from numpy.typing import NDArray

from analytics.rollouts import Pair
from benchmarks import tell
from learner.experiment import decide
from learner.promotion.compare import compare
from learner.promotion.step import judge_step
from learner.settings import LearnerSettings

BASE, EVERY = 0.7, 50  # share of thumbs up, and new people of an arm between two looks
ALL = 1.0


class Won(NamedTuple):
    """How often experiments were won, and the effects that the winners showed when they had won."""

    share: float
    shown: NDArray[np.float64]


class Retested(NamedTuple):
    """Whether fresh votes confirmed a winner, the effect that they showed, and how many people it took."""

    confirmed: bool
    shown: float
    people: int
    covered: bool


def experiments(effect: float, repeats: int, settings: LearnerSettings, rng: np.random.Generator) -> Won:
    """Run experiments of candidates that are better by `effect`, with a look after every `EVERY` people of an arm."""
    looks = settings.experiment_max_users // (2 * EVERY)
    n = EVERY * np.arange(1, looks + 1)
    ups = [np.cumsum(rng.binomial(EVERY, chance, (repeats, looks)), axis=1) for chance in (BASE, BASE + effect)]
    found = decide(
        n, ups[0], ups[0], n, ups[1], ups[1], alpha=settings.experiment_alpha, n_star=settings.experiment_n_star
    )
    decided = found.decision != 0
    at = np.where(decided.any(axis=1), decided.argmax(axis=1), looks - 1)
    rows = np.arange(repeats)
    won = found.decision[rows, at] == 1
    shown = (ups[1] - ups[0])[rows, at] / n[at]
    return Won(float(won.mean()), shown[won])


def retest(effect: float, settings: LearnerSettings, rng: np.random.Generator) -> Retested:
    """Serve a winner to half of the people until fresh votes confirm it or do not."""
    most = settings.experiment_max_users // 2
    votes = [rng.binomial(1, chance, most).astype(float) for chance in (BASE, BASE + effect)]
    for count in range(EVERY, most + 1, EVERY):
        fresh = compare(Pair(votes[0][:count], votes[1][:count]), settings)
        verdict, _ = judge_step(0.5, count, settings.rollout_minutes, fresh, (), settings)
        if verdict != "wait":
            break
    assert fresh.difference is not None
    covered = fresh.lower is None or fresh.upper is None or fresh.lower <= effect <= fresh.upper
    return Retested(verdict == "next", fresh.difference, 2 * count, covered)


def measure(effect: float, better: float, repeats: int, retests: int, seed: int) -> dict[str, Any]:
    """Of candidates a share `better` is better by `effect`, as many are worse by it, and the rest is the same."""
    n_star = round(1.5 * np.log(2 / 0.05) / effect**2)
    settings = LearnerSettings(
        experiment_n_star=n_star, experiment_spending="each", experiment_guardrails="watch", rollout_steps="50,100"
    )
    rng = np.random.default_rng(seed)
    mix = {effect: better, 0.0: ALL - 2 * better, -effect: better}
    won = {true: experiments(true, repeats, settings, rng) for true in mix}
    again = {true: [retest(true, settings, rng) for _ in range(retests)] for true in mix}
    passed = {true: float(np.mean([one.confirmed for one in again[true]])) for true in mix}
    before = {true: share * won[true].share for true, share in mix.items()}
    after = {true: before[true] * passed[true] for true in mix}
    confirmed = [one for one in again[effect] if one.confirmed]
    return {
        "effect": effect,
        "candidates_better": better,
        "won_of_better": round(won[effect].share, 3),
        "won_of_equal": round(won[0.0].share, 3),
        "false_promotions_before": round(1 - before[effect] / sum(before.values()), 3),
        "false_promotions_after": round(1 - after[effect] / sum(after.values()), 3),
        "retest_passed_by_better": round(passed[effect], 3),
        "retest_passed_by_equal": round(passed[0.0], 3),
        "shown_in_experiment_by_better": round(float(won[effect].shown.mean()), 4),
        "shown_in_experiment_by_equal": round(float(won[0.0].shown.mean()), 4) if len(won[0.0].shown) else None,
        "shown_by_fresh_votes_of_better": round(float(np.mean([one.shown for one in again[effect]])), 4),
        "shown_by_fresh_votes_of_equal": round(float(np.mean([one.shown for one in again[0.0]])), 4),
        "interval_covers_truth": round(float(np.mean([one.covered for true in mix for one in again[true]])), 3),
        "people_of_a_retest": round(float(np.mean([one.people for one in confirmed]))),
    }


def main(
    effect: Annotated[float, typer.Option(help="By how much the better candidates are better.")] = 0.05,
    better: Annotated[float, typer.Option(min=0.001, max=0.5, help="Share of the candidates that are better.")] = 0.05,
    repeats: Annotated[int, typer.Option(min=100, help="Experiments for each true effect.")] = 20_000,
    retests: Annotated[int, typer.Option(min=100, help="Re-tests for each true effect.")] = 1000,
    seed: int = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Simulate nightly candidates, and the re-test of whichever wins first."""
    tell(measure(effect, better, repeats, retests, seed), as_json)


if __name__ == "__main__":
    typer.run(main)
