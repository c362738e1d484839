"""Traffic that moves is told, traffic that does not is not, and what was decided about an alarm holds."""

from datetime import timedelta
from urllib.parse import quote

import numpy as np
import pytest

from analytics import Store
from benchmarks.drift import Crowd, false_alarms, fill, power
from chatbot.drift_series import series
from learner import LearnerSettings, Registry, UnknownAlarm
from learner.drift import Monitor, compare
from learner.drift.permute import Deal, holm, p_values
from learner.drift.texts import distinct
from tests.api import api, key_of

DAYS, PEOPLE = 5, 150


def monitor(store: Store, home, **settings: object) -> Monitor:
    return Monitor(store, Registry(store, home), LearnerSettings(**{"drift_people": 25, **settings}))


def test_traffic_that_does_not_move_raises_no_alarm(store, tmp_path):
    fill(store, DAYS, PEOPLE, seed=3)
    watch = monitor(store, tmp_path)
    assert watch.look() == DAYS
    assert watch.look() == 0, "no window is looked at twice"
    report = watch.report()
    assert report["alarms"] == [] and [row["people"] for row in report["windows"]] == [PEOPLE] * DAYS
    assert [bool(row["tests"]) for row in report["windows"]] == [False, False, True, True, True]
    figures = report["windows"][0]["figures"]
    assert {"length", "distinct-1", "distinct-3", "refusals", "up", "rating", "flags"} <= set(figures)
    assert 20 < figures["length"] < 45 and 0.5 < figures["up"] < 0.9 and 0 < figures["distinct-1"] < 1


def test_what_was_planted_alarms_once_until_somebody_says_that_it_is_normal_now(store, tmp_path):
    fill(store, DAYS, PEOPLE, seed=3, plant="length", from_day=3)
    watch = monitor(store, tmp_path)
    watch.look()
    (alarm,) = watch.open()
    assert (alarm["detector"], alarm["metric"], alarm["adapter"]) == ("window", "length", "base")
    assert alarm["change"] > np.log(1.25) and "tokens of an answer" in alarm["reason"]
    assert [test["metric"] for row in watch.report()["windows"] for test in row["tests"] if test["moved"]] == [
        "length"
    ] * 2
    watch.acknowledge(alarm["alarm_id"], "ann", "a new catalogue", accept=True)
    assert watch.open() == []
    with pytest.raises(UnknownAlarm):
        watch.acknowledge(alarm["alarm_id"], "ann", "", accept=True)
    told = store.rows("SELECT action, actor FROM audit WHERE starts_with(action, 'drift') ORDER BY seq")
    assert [(row["action"], row["actor"]) for row in told] == [
        ("drift.alarm", "learner"),
        ("drift.acknowledge", "ann"),
    ]


def test_a_new_generation_is_held_against_the_one_before_it(store, tmp_path):
    first = fill(store, DAYS, 2 * PEOPLE, seed=5, plant="length", from_day=2, promoted_on=2)
    watch = monitor(store, tmp_path)
    watch.look()
    zero, one = watch.generations()
    assert (zero.adapter, one.adapter, one.began) == ("base", "starter@1", first + timedelta(days=2))
    (alarm,) = watch.open()
    assert (alarm["detector"], alarm["metric"], alarm["generation"], alarm["against"]) == ("generation", "length", 1, 0)


def test_the_rate_of_false_alarms_holds_where_a_test_of_turns_does_not():
    found = false_alarms(60, 40, seed=1)
    assert found["alarms"]["share"] <= 0.05, "of 40 windows, at 1% each; `./ratchet bench drift` plays 800"
    assert found["test of turns"]["share"] > 0.1


@pytest.mark.parametrize("plant", ["length", "refusals", "topics"])
def test_what_is_planted_large_enough_is_seen_in_the_first_window(plant):
    assert power(plant, 200, 3.0, 4, seed=1)["that metric"] == 1.0


def test_who_came_twice_is_compared_with_themselves():
    rng = np.random.default_rng(0)
    people, habit = [str(one) for one in range(60)], rng.normal(size=60)
    values = np.concatenate((habit, habit + 0.1 + rng.normal(scale=0.02, size=60)))

    def statistic(labels):
        inside = labels @ values
        return (inside / labels.sum(axis=1) - (values.sum() - inside) / (1 - labels).sum(axis=1))[:, None]

    _, paired, _ = p_values(Deal(people, people), statistic, rng)
    _, apart, _ = p_values(Deal(people, [f"other {one}" for one in people]), statistic, rng)
    assert paired[0] < 0.001 and apart[0] > 0.2


async def test_the_api_the_page_and_the_metrics_tell_of_an_alarm_until_it_is_acknowledged(house):
    from chatbot.pages.models.drift import figure  # only here, for it brings the web pages along

    fill(house.store, DAYS, PEOPLE, seed=3, plant="length", from_day=3)
    house.learner.drift.look()
    async with api(house, **key_of(house, "operator")) as client:
        report = (await client.get("/v1/drift")).json()
        (alarm,), drawn = report["alarms"], figure(report)
        assert len([trace for trace in drawn.data if trace.line.color]) == len(series(report)) >= 9
        assert [len(trace.x) for trace in drawn.data if trace.marker.color].count(0) == len(series(report)) - 1
        assert "Drift since" in (await client.get("/v1/status")).json()["drift"]
        assert "ratchet_drift_open_alarms 1.0" in (await client.get("/metrics")).text
        path = f"/v1/drift/alarms/{quote(alarm['alarm_id'], safe='')}/acknowledge"
        assert (await client.post(path, json={"note": "a new catalogue", "accept": True})).status_code == 200
        assert (await client.post(path, json={})).status_code == 404
        (alarm,) = (await client.get("/v1/drift")).json()["alarms"]
        assert (alarm["state"], alarm["accepted"], alarm["note"]) == ("acknowledged", True, "a new catalogue")
        assert (await client.get("/v1/status")).json()["drift"] is None
        assert "ratchet_drift_open_alarms 0.0" in (await client.get("/metrics")).text


def test_what_was_accepted_is_what_later_windows_are_held_against(store, tmp_path):
    first = fill(store, DAYS + 4, PEOPLE, seed=3, plant="length", from_day=3)
    watch = monitor(store, tmp_path)
    for days in range(1, DAYS + 5):
        watch.look(first + timedelta(days=days, hours=1.5))
        for alarm in watch.open():
            watch.acknowledge(alarm["alarm_id"], "ann", "a new catalogue", accept=True)
    assert len(watch.report()["alarms"]) == 1


def test_holm_stops_at_the_first_that_is_not_proven():
    assert holm([0.04, 0.001, 0.02], 0.05) == [True, True, True]
    assert holm([0.04, 0.001, 0.03], 0.05) == [False, True, False]


def test_distinct_is_taken_of_equal_amounts_of_text():
    poor, rich = distinct(["yes yes yes"] * 400), distinct([" ".join(map(str, range(30)))] * 10)
    assert poor["distinct-1"].shape == (4,) and poor["distinct-2"][0] < 0.01
    assert rich["distinct-1"][0] == pytest.approx(0.1)
    assert distinct(["one two"])["distinct-1"].shape == (0,)


def test_a_sample_without_enough_people_is_not_compared():
    crowd = Crowd(np.random.default_rng(1))
    (before, _), (after, _) = crowd.window(200), crowd.window(10)
    assert compare(before, after, alpha=0.01) == []
