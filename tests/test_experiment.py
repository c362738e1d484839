"""The honest experiment: sticky arms, and an interval that keeps its word when votes come in clusters."""

import numpy as np
import pytest

from learner.experiment import Arm, RoutingState, decide, judge, route
from learner.people import person_group, share_of
from learner.settings import LearnerSettings

BASE, ADAPTER = Arm("base", "base", "a"), Arm("starter@1", "starter@1", "b")
PEOPLE = [f"person-{number}" for number in range(4000)]


def running(share: float, experiment_id: str = "starter@1#1") -> RoutingState:
    return RoutingState(BASE, challenger=ADAPTER, experiment_id=experiment_id, share=share)


def test_the_groups_have_the_sizes_they_should():
    counts = {
        group: sum(person_group(person) == group for person in PEOPLE) for group in ("learn", "decide", "holdout")
    }
    assert counts == {
        "learn": pytest.approx(2400, abs=120),
        "decide": pytest.approx(1200, abs=120),
        "holdout": pytest.approx(400, abs=80),
    }


def test_only_the_decide_group_meets_a_challenger():
    state = running(0.5)
    assert {route(person, "learn", state).arm for person in PEOPLE} == {"champion"}
    assert {route(person, "holdout", state).arm for person in PEOPLE} == {"champion"}
    met = sum(route(person, "decide", state).arm == "challenger" for person in PEOPLE)
    assert met == pytest.approx(2000, abs=130)


def test_a_growing_share_moves_nobody_back():
    before = {person for person in PEOPLE if route(person, "decide", running(0.2)).arm == "challenger"}
    after = {person for person in PEOPLE if route(person, "decide", running(0.5)).arm == "challenger"}
    assert before < after


@pytest.mark.parametrize("model", ["starter", "a-model-with-a-name-that-is-longer-than-most--and-a-maker-too"])
def test_another_experiment_draws_its_arms_anew(model):
    one, two = (running(0.5, f"{model}@{number}#{number}") for number in (1, 2))
    met = [{who for who in PEOPLE if route(who, "decide", state).arm == "challenger"} for state in (one, two)]
    assert len(met[0] & met[1]) == pytest.approx(1000, abs=130)


def test_what_was_drawn_once_stays_as_it_was():
    salts = ("person-group", "experiment-starter@1#1", "e" * 64)
    assert [share_of("person-1", salt) for salt in salts] == [
        0.3385445432304792,
        0.6679557530177916,
        0.36710859543480945,
    ]


def test_the_propensity_is_that_of_the_arm_which_was_taken():
    taken = {route(person, "decide", running(0.2)) for person in PEOPLE}
    assert {(one.arm, one.propensity) for one in taken} == {("challenger", 0.2), ("champion", 0.8)}


def false_winners(votes: int, icc: float, repeats: int = 400, users: int = 1000) -> float:
    """Share of null experiments, looked at after every 20 users per arm, whose interval ever leaves 0."""
    rng = np.random.default_rng(7)
    alpha = 0.5 * (1 - icc) / icc
    means = rng.binomial(votes, rng.beta(alpha, alpha, (2, repeats, users))) / votes
    looks = np.arange(100, users + 1, 20)
    sums, squares = (np.cumsum(means**power, axis=2)[:, :, looks - 1] for power in (1, 2))
    found = decide(looks, sums[0], squares[0], looks, sums[1], squares[1], alpha=0.05, n_star=200)
    return float(((found.lower > 0) | (found.upper < 0)).any(axis=1).mean())


def test_ten_votes_of_one_user_do_not_count_as_ten_users():
    assert false_winners(votes=10, icc=0.5) < 0.05


def test_p_value_and_interval_agree():
    sums = np.arange(60.0, 170.0, 2.0)  # half of each user's votes were up, or all of them
    found = decide(200, 100, 80, 200, sums, 0.9 * sums, alpha=0.05, n_star=400)
    outside = (found.lower > 0) | (found.upper < 0)
    assert outside.any()
    assert not outside.all()
    assert np.array_equal(outside, found.p_value <= 0.05)


@pytest.mark.parametrize(
    ("champion", "challenger", "outcome"),
    [(0.4, 0.8, "won"), (0.8, 0.4, "lost"), (0.6, 0.6, "futile")],
)
def test_the_verdict_follows_the_votes(champion, challenger, outcome):
    rng = np.random.default_rng(3)
    arms = [rng.binomial(1, chance, 400).astype(float) for chance in (champion, challenger)]
    assert judge(*arms, LearnerSettings(experiment_max_users=800)).outcome == outcome


def test_nothing_is_decided_on_a_handful_of_users():
    many, few = np.zeros(400), np.ones(49)
    assert judge(many, few, LearnerSettings()).outcome == "running"
