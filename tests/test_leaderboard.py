"""The leaderboard: strengths with ties and style control, checked against other fits, and what it is fed with."""

import numpy as np
import pytest
from scipy.optimize import minimize

from learner.errors import BadScores
from learner.leaderboard.bradley_terry import fit


def votes(seed: int, count: int, strengths: list[float], nu: float = 0.0, taste: float = 0.0, people: int = 50):
    """Votes of people who differ; the style is how much longer the answer of a was."""
    rng, s = np.random.default_rng(seed), np.array(strengths)
    a = rng.integers(len(s), size=count)
    b = (a + rng.integers(1, len(s), size=count)) % len(s)
    person, style = rng.integers(people, size=count), rng.normal(size=(count, 1))
    own = rng.normal(scale=0.7, size=(people, len(s)))
    eta = s[a] - s[b] + own[person, a] - own[person, b] + taste * style[:, 0]
    weights = np.stack([np.exp(eta / 2), np.full(count, nu), np.exp(-eta / 2)])
    place = rng.random(count) * weights.sum(axis=0)
    outcome = np.where(place < weights[0], 1.0, np.where(place < weights[0] + weights[1], 0.5, 0.0))
    return a, b, outcome, person, style


def test_without_ties_it_is_a_logistic_regression_with_its_sandwich():
    a, b, outcome, person, style = votes(1, 3000, [0.0, 0.5, -0.7, 0.9], taste=0.4)
    found = fit(a, b, outcome, person, style, prior_sd=1e4, resamples=800)
    design = np.zeros((3000, 5))
    design[np.arange(3000), a], design[np.arange(3000), b], design[:, 4] = 1, -1, style[:, 0]
    x = design[:, 1:]
    best = minimize(lambda w: np.logaddexp(0, x @ w).sum() - outcome @ (x @ w), np.zeros(4), method="BFGS").x
    assert [*(found.strengths - found.strengths[0])[1:], *found.style] == pytest.approx(best, abs=1e-4)
    likely = 1 / (1 + np.exp(-(x @ best)))
    scores = np.array([(x * (outcome - likely)[:, None])[person == one].sum(axis=0) for one in range(50)])
    bread = np.linalg.inv(x.T @ (x * (likely * (1 - likely))[:, None]))
    robust = np.sqrt(np.diag(bread @ scores.T @ scores @ bread))[:3]  # Liang and Zeger's
    assert (found.draws - found.draws[:, :1])[:, 1:].std(axis=0) == pytest.approx(robust, rel=0.15)


def test_with_ties_it_is_the_maximum_of_davidsons_likelihood():
    a, b, outcome, _, style = votes(2, 2000, [0.0, 0.6, -0.4], nu=0.8, taste=0.5)

    def height(values: np.ndarray) -> float:
        s, nu = np.array([0.0, *values[:2]]), np.exp(values[3])
        first, second = np.exp(s[a] + values[2] * style[:, 0]), np.exp(s[b])  # Davidson's own form
        tie = nu * np.sqrt(first * second)
        chosen = np.select([outcome == 1, outcome == 0], [first, second], tie)
        return -float(np.log(chosen / (first + second + tie)).sum())

    best = minimize(height, np.zeros(4), method="BFGS").x
    found = fit(a, b, outcome, None, style, prior_sd=1e4, resamples=10)
    assert found.strengths[1:] - found.strengths[0] == pytest.approx(best[:2], abs=1e-3)
    assert (found.style[0], np.log(found.nu)) == pytest.approx((best[2], best[3]), abs=1e-3)
    eta = found.strengths[1] - found.strengths[0]
    odds = np.array([np.exp(eta / 2), found.nu, np.exp(-eta / 2)])
    assert found.share(1, 0) == pytest.approx((odds[0] + odds[1] / 2) / odds.sum())


def test_one_newton_step_is_as_good_as_fitting_a_resample_anew():
    a, b, outcome, person, style = votes(3, 3000, [0.0, 0.5, -0.5], nu=0.5, taste=0.5, people=200)
    found = fit(a, b, outcome, person, style, resamples=20, seed=4)
    picked = np.random.default_rng(4).integers(200, size=(20, 200))
    for draw, chosen in zip(found.draws, picked, strict=True):
        rows = np.concatenate([np.flatnonzero(person == one) for one in chosen])
        again = fit(a[rows], b[rows], outcome[rows], None, style[rows], resamples=0)
        assert np.abs(again.strengths - draw).max() < 0.15 * found.draws.std(axis=0).mean()


def test_many_votes_of_few_people_are_few_opinions():
    one = fit([0] * 40, [1] * 40, [1, 0] * 20, ["x"] * 20 + ["y"] * 20)
    a, b, outcome, person, _ = votes(5, 2000, [0.0, 0.0], people=20)
    few, many = fit(a, b, outcome, person), fit(a, b, outcome)
    assert (few.upper - few.lower)[0] > 1.5 * (many.upper - many.lower)[0]
    assert one.people == 2
    assert np.isnan(fit([0], [1], [1.0], ["x"]).lower).all()


def test_what_was_never_compared_is_not_ranked_together():
    found = fit([0, 0, 2, 2], [1, 1, 3, 3], [1, 1, 0, 0.5], adapters=5)
    assert found.component.tolist() == [0, 0, 1, 1, 2]
    assert found.strengths[[0, 1]].sum() == pytest.approx(0, abs=1e-9)
    assert found.strengths[[2, 3]].sum() == pytest.approx(0, abs=1e-9)
    assert np.isfinite(found.strengths).all()  # adapter 0 won everything
    assert (found.strengths[4], found.votes.tolist()) == (0.0, [2, 2, 2, 2, 0])
    assert fit([], [], [], adapters=2).strengths.tolist() == [0, 0]


@pytest.mark.parametrize(
    ("a", "b", "outcome", "style"),
    [([0], [0], [1.0], None), ([0], [1], [0.7], None), ([0], [5], [1.0], None), ([0, 1], [1], [1.0], None),
     ([0], [1], [1.0], [[np.nan]])],
)  # fmt: skip
def test_numbers_that_cannot_be_are_refused(a, b, outcome, style):
    with pytest.raises(BadScores):
        fit(a, b, outcome, None, style, adapters=2)
