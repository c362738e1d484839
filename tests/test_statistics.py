"""The statistics of experiments against oracles: integrals, enumerations, and crowds whose truth is known."""

from datetime import UTC, datetime, timedelta
from itertools import product
from math import exp, log

import numpy as np
import pytest

from benchmarks.experiment import false_wins, power
from learner import BadScores
from learner.experiment import (
    Allotted,
    Arm,
    Met,
    Paired,
    RoutingState,
    Traffic,
    adjusted,
    allot,
    balance,
    decide,
    decide_one,
    guardrails,
    half_width,
    ln_e_split,
    ln_e_two_by_two,
    ln_e_wins,
    need,
    needed,
    preview,
    route,
    spend,
    top_two,
    watch,
    wins,
)
from learner.experiment.decide import SPENT

LEVEL = {"alpha": 0.05, "n_star": 400}


def test_the_interval_ends_where_the_integral_of_the_mixture_says():
    mu = np.sqrt(1.5 * log(2 / 0.05) / 400)
    effects, step = np.linspace(-3, 3, 200_001, retstep=True)
    prior = np.exp(-((effects - mu) ** 2) / (2 * (mu / 2) ** 2)) / (mu / 2 * np.sqrt(2 * np.pi))
    for information in (30.0, 400.0, 9000.0):
        at = half_width(1 / information, **LEVEL) * information
        e_value = (prior * np.exp(effects * at - effects**2 * information / 2)).sum() * step
        assert e_value == pytest.approx(2 / (SPENT * 0.05), rel=1e-6)


def test_the_decision_is_the_side_of_zero_on_which_the_interval_lies():
    n, ups = 300, np.array([150.0, 190.0, 240.0])
    found = decide(n, 150, 150, n, ups, ups, **LEVEL)
    assert np.array_equal(found.decision, [0, 1, 1])
    assert np.allclose((found.lower + found.upper) / 2, ups / n - 0.5)
    shifted = decide(n, 150, 150, n, 150, 150, **LEVEL)
    assert (
        found.upper[0] == shifted.upper == pytest.approx(half_width(0.5 / (n - 1) * (1 + 0.5 / n), **LEVEL), rel=0.02)
    )


@pytest.mark.parametrize(
    ("sums", "level", "told"),
    [
        ((-1, 0, 0, 10, 5, 5), LEVEL, "cannot have -1 users"),
        ((10, float("nan"), 5, 10, 5, 5), LEVEL, "finite"),
        ((10, 9, 1, 10, 5, 5), LEVEL, "squares are too small"),
        ((10, "many", 5, 10, 5, 5), LEVEL, "must be numbers"),
        (([10, 10], [5, 5], [5, 5], [10] * 3, [5] * 3, [5] * 3), LEVEL, "do not fit together"),
        ((10, 5, 5, 10, 5, 5), {"alpha": 1.0, "n_star": 400}, "alpha must be"),
        ((10, 5, 5, 10, 5, 5), {"alpha": 0.05, "n_star": 0}, "n_star must be"),
    ],
)
def test_numbers_that_cannot_be_are_refused(sums, level, told):
    with pytest.raises(BadScores, match=told):
        decide(*sums, **level)


def test_without_people_there_is_no_interval_and_no_error():
    found = decide([0, 4, 400], [0, 4, 350], [0, 4, 350], [0, 4, 400], [0, 0, 150], [0, 0, 150], **LEVEL)
    assert found.decision.tolist() == [0, 0, -1]
    assert found.p_value[:2].tolist() == [1, 1] and np.isinf(found.lower[:2]).all()


def test_clusters_of_votes_crown_nobody_by_our_rule_and_many_by_the_others():
    told = []
    thumbs, orders = false_wins.thumbs(3, 600, 300, 250, told.append)
    compared, _ = false_wins.comparisons(3, 300, 300, 250, told.append)
    for rates in (thumbs, compared):
        ours = [rate for row in rates["ours"].values() for rate in row.values()]
        assert max(ours) < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 250)
        assert np.mean(ours) < 0.05
        assert rates["naive"]["10"]["0.5"] > 0.9
    assert thumbs["track_and_stop"]["10"]["0.5"] > 0.5 < compared["raw_mixture"]["10"]["0.5"]
    assert orders["rounds ours"]["10"]["0.0"] < 0.1, "a vote that sharpens an old mean is no new look for nothing"
    assert len(told) == 30


def test_three_tenths_of_the_users_are_saved_at_the_same_power():
    found = power.savings(2, 1000)["ours"]["0.95"]
    assert found["saving"] > 0.3
    assert found["power"] == pytest.approx(0.95, abs=0.025)


def test_the_exact_tests_promise_no_more_than_one_on_average():
    for chance in (0.03, 0.4):
        mean = 0.0
        for ups in product((0, 1), repeat=8):
            likelihood = np.prod([chance if up else 1 - chance for up in ups])
            mean += likelihood * exp(ln_e_two_by_two(ups[:4], ups[4:])[-1])
        assert 0.5 < mean <= 1 + 1e-12
    split = sum(exp(ln_e_split((8 - n, n), (0.7, 0.3))) * _binomial(8, n, 0.3) for n in range(9))
    assert split == pytest.approx(1)
    won = sum(exp(ln_e_wins(n, 8 - n)) * _binomial(8, n, 0.5) for n in range(9))
    assert won == pytest.approx(1)


def _binomial(n: int, k: int, p: float) -> float:
    return float(np.prod([(n - i) / (i + 1) for i in range(k)]) * p**k * (1 - p) ** (n - k))


def test_a_clear_run_of_wins_is_proven_and_the_ends_are_where_the_evidence_runs_out():
    found = wins([60, 33], [30, 30])
    assert (found.p_value <= 0.05).tolist() == [True, False]
    assert np.allclose(ln_e_wins([60, 33], [30, 30], found.lower), log(20), atol=1e-6)
    assert (found.lower < [60 / 90, 33 / 63]).all() and (found.upper > [60 / 90, 33 / 63]).all()
    with pytest.raises(BadScores, match="one 0 or 1 per person"):
        ln_e_two_by_two([0.5], [1.0])


def test_ties_and_several_comparisons_are_one_score_per_person():
    scores = np.array([1.0, 0.5, 0.0, -0.2] * 100)
    found = decide_one(400, scores.sum(), scores @ scores, alpha=0.05, n_star=100)
    assert found.decision == 1 and found.lower < scores.mean() < found.upper


def test_what_is_known_from_before_narrows_the_interval_by_the_correlation():
    rng = np.random.default_rng(1)
    x = rng.normal(0.7, 0.2, (2, 4000))
    y = x + rng.normal(0, 0.1, (2, 4000)) + [[0.0], [0.02]]
    arms = [Paired(4000, b.sum(), b @ b, a.sum(), a @ a, a @ b) for a, b in zip(x, y, strict=True)]
    sums = adjusted(*arms)
    plain, helped = (decide(*s, alpha=0.05, n_star=4000) for s in ((*arms[0][:3], *arms[1][:3]), sums))
    ratio = (helped.upper - helped.lower) / (plain.upper - plain.lower)
    assert ratio == pytest.approx(np.sqrt(1 - 0.8), abs=0.05)
    assert helped.lower < 0.02 < helped.upper


def test_a_split_that_is_off_sounds_the_alarm_and_a_ramp_does_not():
    assert balance([((2250, 2750), 0.5)]).alarm
    assert not balance([((2480, 2520), 0.5)]).alarm
    assert not balance([((900, 100), 0.1), ((500, 500), 0.5)]).alarm, "people came at two shares"
    assert balance([((600, 400), 0.5), ((400, 600), 0.5)]).alarm, "both are off, though their sum is not"


def test_a_guardrail_holds_breaks_or_is_open_until_enough_is_known():
    rng = np.random.default_rng(5)
    rails = guardrails(flags=0.05, refusals=0.05, rating=0.1, latency=0.5, length=0.5)
    scores = {
        "flags": (np.zeros(400), np.zeros(400)),
        "refusals": (np.zeros(400), rng.binomial(3, 0.3, 400) / 3),
        "rating rate": (np.full(20, 0.5), rng.random(20)),
        "length": (rng.normal(4, 0.5, 400), rng.normal(4 + log(2), 0.5, 400)),
    }
    found = {one.name: one.state for one in watch(scores, rails, alpha=0.05)}
    assert found == {"flags": "held", "refusals": "breached", "rating rate": "open", "length": "breached"}


def test_the_stream_spends_little_of_its_alpha_falsely_and_earns_it_back():
    rng = np.random.default_rng(2)
    false, promoted = [], []
    for _ in range(60):
        won: list[bool] = []
        better = rng.random(80) < 0.2
        for good in better:
            p_value = rng.random() * (1e-5 if good else 1)
            won.append(p_value <= spend(won, alpha=0.05).level)
        promoted.append(sum(won))
        false.append(sum(np.array(won) & ~better))
    assert np.mean(np.array(false) / np.maximum(promoted, 1)) < 0.05
    dry, fed = spend([False] * 30, alpha=0.05), spend([False] * 29 + [True], alpha=0.05)
    assert dry.levels.sum() + dry.left == pytest.approx(0.025)
    assert fed.level > 30 * dry.level > 0


def test_the_meter_names_the_information_at_which_the_interval_leaves_zero():
    times = needed(0.05, 0.001, alpha=0.05, n_star=1000)
    assert half_width(0.001 / times, alpha=0.05, n_star=1000) == pytest.approx(0.05)
    now = datetime(2026, 11, 28, 12, tzinfo=UTC)
    found = need(0.05, 0.001, Traffic(500, 1500, 100.0), now, alpha=0.05, n_star=1000, most=1e6)
    assert found.people == pytest.approx((times - 1) * 500, abs=1) and found.votes == 3 * found.people
    assert datetime.fromisoformat(found.at) - now == pytest.approx(
        timedelta(days=found.people / 100), abs=timedelta(minutes=1)
    )
    assert need(0.0, 0.001, Traffic(500, 1500, 100.0), now, alpha=0.05, n_star=1000, most=1e6).people is None


def test_a_preview_finds_what_another_routing_would_have_come_to():
    rng = np.random.default_rng(4)
    covered, widths = 0, []
    for _ in range(200):
        topic = rng.integers(0, 2, 600)
        arm = (rng.random(600) < 0.3).astype(int)
        score = rng.binomial(4, np.where(topic == 1, 0.4 + 0.3 * arm, 0.7 - 0.2 * arm)) / 4
        target = np.where((topic == 1)[:, None], [0.1, 0.9], [0.9, 0.1])
        found = preview(score, arm, np.where(arm == 1, 0.3, 0.7), target, topic)
        truth = (0.1 * 0.4 + 0.9 * 0.7 + 0.9 * 0.7 + 0.1 * 0.5) / 2
        covered += found.doubly_robust.lower < truth < found.doubly_robust.upper
        widths.append([one.upper - one.lower for one in found[:2]])
    assert 0.9 < covered / 200 < 0.99
    ips, robust = np.mean(widths, axis=0)
    assert robust < 0.5 * ips
    with pytest.raises(BadScores, match="Nobody was served by arm 1"):
        preview([0.0, 1.0], [0, 0], [1.0, 1.0], [[0.5, 0.5]] * 2)


def test_a_ramp_touches_new_people_only():
    base, adapter = Arm("base", "base", "a"), Arm("starter@1", "starter@1", "b")
    ramped = RoutingState(base, challenger=adapter, experiment_id="starter@1#1", share=0.999)
    kept = route("person-1", "decide", ramped, Met("champion", 0.9))
    assert (kept.arm, kept.propensity) == ("champion", 0.9)
    assert route("person-1", "decide", ramped).arm == "challenger"
    assert route("person-1", "learn", ramped, Met("challenger", 0.1)).arm == "champion"
    assert allot("person-1", "e", (0.5, 0.3, 0.2), Allotted(2, 0.1)) == Allotted(2, 0.1)


def test_adaptive_shares_look_at_the_two_best_and_leave_a_floor():
    shares = top_two([200, 200, 200], [100, 150, 148])
    assert shares.sum() == pytest.approx(1) and shares[0] == pytest.approx(0.1, abs=0.01)
    assert shares[1:].min() > 0.3
    people = [allot(f"person-{number}", "e", shares) for number in range(3000)]
    assert np.allclose(np.bincount([one.arm for one in people]) / 3000, shares, atol=0.03)
    assert all(one.propensity == shares[one.arm] for one in people)
    with pytest.raises(BadScores, match="floor"):
        top_two([1, 1], [1, 0], floor=0.6)


def test_a_small_arm_of_people_who_are_all_content_proves_nothing_yet():
    rng = np.random.default_rng(6)
    stopped = 0
    for _ in range(300):
        arm = (rng.random(2000) < 0.1).astype(int)
        ups = (rng.random(2000) < 0.7) * 1.0
        n, total = (np.cumsum(np.stack([arm == 0, arm == 1]) * part, axis=1) for part in (1, ups))
        stopped += (
            decide(n[0], total[0], total[0], n[1], total[1], total[1], alpha=0.05, n_star=500).decision != 0
        ).any()
    assert stopped / 300 < 0.05
