"""The leaderboard: strengths with ties and style control, checked against other fits, and what it is fed with."""

import numpy as np
import pytest
from scipy.optimize import minimize

from analytics import Feedback, Preference, SideBySide, Turn
from learner.errors import BadScores, UnknownAdapter
from learner.leaderboard.analysis import analyse
from learner.leaderboard.board import leaderboard
from learner.leaderboard.bradley_terry import fit
from learner.leaderboard.length import explained_by_length
from learner.leaderboard.votes import Votes
from tests.adapters import register
from tests.history import History, _reply, numbers
from tests.pages_server import services


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


@pytest.fixture
def house_of_two(tmp_path):
    """A house with two adapters beside the base: words of the test, and the names of the adapters."""
    built = services(tmp_path / "home")
    registry = built.learner.registry
    yield built, [register(registry, built.settings.home / "runs" / f"r{n}", seed=n, size=0.1) for n in (1, 2)]
    built.learner.close()
    built.screen.close()
    built.store.close()


def turn(store, person: str, adapter: str, text: str, prompt: str, group: str = "decide", sibling: str | None = None):
    turn_id = f"t-{next(numbers)}"
    asked = [{"role": "user", "content": prompt}]
    where = ("champion", adapter, "0" * 64, None, None, sibling, "api", {}, [])
    store.append(Turn(turn_id, f"c-{person}", person, group, asked, *where), _reply(turn_id, text, "stop"))
    return turn_id


def prefer(store, person: str, better: str, worse: str) -> None:
    store.append(Feedback(f"F-{next(numbers)}", better, person, None, [], None, None, worse, "user"))


def test_the_leaderboard_ranks_by_what_was_said_and_keeps_sources_and_learners_apart(house_of_two):
    built, (one, two) = house_of_two
    store, registry = built.store, built.learner.registry
    for number in range(60):
        person, group = f"p{number % 20}", "learn" if number % 20 == 0 else "decide"
        good = turn(store, person, one, "Short and right.", f"question {number}", group)
        bad = turn(store, person, "base", "Wrong.", f"question {number}", group, good)
        prefer(store, person, good, bad)
        if number % 5 == 4:
            prefer(store, person, bad, good)  # the later word holds
    for number in range(40):
        answers = ("**New** and long indeed", "Old") if number % 2 else ("Old", "**New** and long indeed")
        asked = [{"role": "user", "content": f"how long is delivery number {number}"}]
        store.append(
            SideBySide("s", f"s-{number}", None, f"q{number}", asked, two, one, *answers, "a" if number % 2 else "b")
        )
        for reviewer in range(4):
            choice = "tie" if (number + reviewer) % 4 == 0 else "ab"[number % 2 == 0]
            store.append(Preference(f"s-{number}", "reviewer", f"r{reviewer}", choice))
    found = leaderboard(store, registry, resamples=200)
    assert [(row.adapter, row.component) for row in found.standings] == [(two, 0), (one, 0), ("base", 0)]
    assert found.counts == {"people": 57, "reviewers": 160, "judges": 0}
    assert found.standings[0].rank == 1 < found.standings[-1].rank
    assert all(row.lower < row.rating < row.upper for row in found.standings)
    assert found.standings[0].expected > 0.8
    people = leaderboard(store, registry, ["people"], resamples=50)
    assert [row.adapter for row in people.standings] == [one, "base"]
    controlled = leaderboard(store, registry, style=True, resamples=100)
    gap = [abs(board.standings[0].rating - board.standings[1].rating) for board in (found, controlled)]
    assert gap[1] < gap[0] / 2  # all that the second adapter is better by is longer and bolder answers
    assert [one.feature for one in controlled.style] == ["length", "headers", "bold", "lists"]
    assert sum(one.worth for one in controlled.style) > 0


def test_length_explains_a_win_that_it_made_and_none_that_it_did_not():
    rng = np.random.default_rng(1)
    d = rng.normal(0.5, 0.5, size=4000)
    by_length = rng.random(4000) < 0.5 + 0.3 * d.clip(-1, 1)
    by_merit = rng.random(4000) < 0.7
    cluster = np.array([f"p{n % 200}" for n in range(4000)])

    def split(won: np.ndarray):
        flip = np.arange(4000) % 2 == 0  # whichever of the two is called a
        style = np.zeros((4000, 4))
        style[:, 0] = np.where(flip, -d, d)
        outcome = np.where(flip, ~won, won).astype(float)
        found = Votes(("m@2", "m@1"), cluster, cluster, cluster, flip.astype(int), 1 - flip.astype(int), outcome, style)
        return explained_by_length(found, "m@2", "m@1")

    long, good = split(by_length), split(by_merit)
    assert long.explained_lower < 1.0 < long.explained_upper + 0.2
    assert long.explained == pytest.approx(1.0, abs=0.15)
    assert long.equal_length == pytest.approx(0.5, abs=0.03)
    assert long.ratio == pytest.approx(np.exp(0.5), rel=0.05)
    assert good.explained == pytest.approx(0.0, abs=0.1)
    assert good.equal_length == pytest.approx(0.7, abs=0.03)
    assert split(rng.random(4000) < 0.5).explained is None
    d = np.abs(d)
    assert (split(by_merit).explained, split(by_merit).equal_length) == (None, None)  # never as short as the other
    assert split(by_merit).share == pytest.approx(by_merit.mean())


def test_the_analysis_says_where_an_adapter_fails_what_changed_and_why_it_won(house_of_two):
    built, (one, two) = house_of_two
    store, history = built.store, History(built.store)
    for number in range(40):
        person = f"p{number}"
        if number % 2:
            bad = turn(store, person, two, "It costs 9 euros.", f"what does the parcel cost number {number}")
            history.say(person, bad, vote=-1)
        else:
            turn(store, person, two, "Open the account page.", f"how to change my account password {number}")
    wrong = turn(store, "q", two, "Never.", "what does the parcel cost today")
    store.append(Feedback("F-x", wrong, "q", -1, ["wrong"], "It is free.", None, None, "user"))
    history.correct(wrong, "It is free.")
    changes = (("All is new in here.", "Nothing stayed the same."), ("It takes two days.", "It takes two days now."))
    for number, answers in enumerate(changes):
        asked = [{"role": "user", "content": f"parcel cost {number}"}]
        store.append(SideBySide("s", f"s-{number}", None, f"q{number}", asked, two, one, *answers, "b"))
    store.append(Preference("s-0", "reviewer", "r", "a"))
    found = analyse(store, built.learner.registry, two, one)
    worst = found.topics[0]
    assert {"parcel", "cost"} & set(worst.words.split())
    assert sum(topic.kinds.get("thumb down", 0) for topic in found.topics) == 21
    assert sum(topic.failures for topic in found.topics) == 22
    (told,) = (one for topic in found.topics for one in topic.examples if "correction" in one.kinds)
    assert (told.kinds, told.reason.count("It is free.")) == (("thumb down", "correction"), 2)
    assert not any("account" in topic.words and topic.failures > topic.answers / 2 for topic in found.topics)
    assert [round(change.changed, 1) for change in found.changed] == [1.0, 0.3]
    assert (found.changed[0].challenger, found.changed[0].score) == ("Nothing stayed the same.", 0.0)
    turned = analyse(store, built.learner.registry, one, two).changed[0]
    assert (turned.challenger, turned.score) == ("All is new in here.", 1.0)
    assert found.length.explained is None
    assert "at least 20" in found.length.reason
    with pytest.raises(UnknownAdapter):
        analyse(store, built.learner.registry, "nobody@1")
