"""Active learning: what a label tells, how reviewers' queue is ordered by it, and whom it asks to compare."""

from collections import Counter

import numpy as np
import pytest

from chatbot.comparing import ANY, OFTEN, Comparing
from chatbot.turn import Done, TurnRequest
from learner import person_group
from learner.active import Newest, Parts, Priorities
from learner.active.acquire import ACQUIRE, Pool
from learner.active.priority import read, write
from learner.active.probe import Components, Probe
from tests.api import api, key_of
from tests.history import History, people
from tests.pages_server import services

TASTE = np.array([0.6, -0.4, 0.2, 0.0])


def crowd(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(count, 4)) * rng.exponential(size=(count, 1))
    return rows, (rng.random(count) < 1 / (1 + np.exp(-rows @ TASTE))).astype(float)


def test_a_probe_finds_a_taste_and_is_as_sure_of_it_as_it_may_be():
    inside, means = 0, []
    for seed in range(40):
        probe = Probe.fit(*crowd(200, seed))
        off = (probe.mean - TASTE) / np.sqrt(np.diag(probe.covariance))
        inside += int((np.abs(off) < 1.96).sum())
        means.append(probe.mean)
    assert np.abs(np.mean(means, axis=0) - TASTE).max() < 0.1
    assert 0.88 < inside / 160 <= 1  # of 95% intervals


def test_every_way_to_choose_gives_distinct_places_and_an_informative_one_needs_fewer_labels():
    rows, said = crowd(400, 1)
    known = Pool(rows, np.abs(rows[:, 0]), np.ones(400))
    probe = Probe.fit(rows[:10], said[:10])
    spread = {}
    for name, choose in ACQUIRE.items():
        places = choose(known, probe, 40, np.random.default_rng(0))
        assert len(set(places)) == len(places) == 40
        spread[name] = float(np.trace(Probe.fit(rows[places], said[places]).covariance))
    assert spread["information"] < 0.8 * spread["random"]


def test_components_keep_what_differs_and_turn_with_the_sides():
    rows = np.random.default_rng(0).normal(size=(50, 6)) * [9, 5, 3, 0, 0, 0]
    found = Components.of(rows, width=6)(rows)
    assert found.shape == (50, 3)
    assert (found**2).mean() == pytest.approx(1)
    assert Components.of(-rows)(rows) == pytest.approx(found, abs=1e-6) or Components.of(-rows)(rows) == pytest.approx(
        -found, abs=1e-6
    )


SCORES = [
    ("turn-a", "how long does delivery take", Parts(value=0.9, margin=0.9, traffic=0.9)),
    ("turn-b", "can i pay by card", Parts(value=0.2, margin=0.1, traffic=0.3)),
    ("turn-c", "where is your shop", Parts(value=0.4, uncertainty=0.8)),
]


def test_what_a_lap_wrote_is_read_by_turn_and_by_likeness_and_holds_nobody_s_words(tmp_path):
    folder = tmp_path / "20260101-000000"
    folder.mkdir()
    write(folder, SCORES)
    newest = Newest(tmp_path)
    found = newest()
    assert found.of_turn("turn-a") == SCORES[0][2]
    assert "asked often" in found.of_turn("turn-a").reason or "two answers" in found.of_turn("turn-a").reason
    assert found.of_question("delivery takes how long?") > found.of_question("may i pay by card")
    assert found.of_question("xylophone") is None
    assert "delivery" not in (folder / "priorities.json").read_text()
    assert newest() is found
    assert len(read(tmp_path)) == 0


async def test_the_queue_is_ordered_by_what_teaches_most_and_says_why(tmp_path):
    built = services(tmp_path / "home")
    try:
        history = History(built.store)
        turns = [history.answer("somebody", "An answer.") for _ in range(3)]
        for turn in turns:
            history.say("somebody", turn, vote=-1)
        folder = built.settings.home / "runs" / "20260101-000000"
        folder.mkdir(parents=True)
        write(folder, [(turn, text, parts) for turn, (_, text, parts) in zip(turns, SCORES, strict=True)][1:])
        async with api(built, **key_of(built, "reviewer")) as client:
            items = (await client.get("/v1/reviews", params={"sort": "value"})).json()["items"]
        assert [item["turn_id"] for item in items] == [turns[2], turns[1], turns[0]]
        assert items[0]["priority"]["uncertainty"] == 0.8
        assert items[0]["priority"]["reason"] == "the model was not sure of its words"
        assert items[2]["priority"] is None
    finally:
        built.learner.close()
        built.screen.close()
        built.store.close()


async def test_a_person_is_asked_to_compare_as_often_as_the_cap_allows_and_learners_where_it_teaches_most(tmp_path):
    built = services(tmp_path / "home", compare_per_day=2, compare_share=0.5)
    built.engine.pause = 0.0
    try:
        folder = built.settings.home / "runs" / "20260101-000000"
        folder.mkdir(parents=True)
        write(folder, SCORES)

        async def asked(person: str, text: str, **more: str) -> str | None:
            request = TurnRequest(person, [{"role": "user", "content": text}], "page", **more)
            steps = [step async for step in built.turns.run(request)]
            assert isinstance(steps[-1], Done)
            return steps[-1].compare

        (learner,), judges = people("learn", 1), people("decide", 30)
        assert person_group(learner) == "learn"
        assert await asked(learner, "can i pay by card") is None
        assert [await asked(learner, "how long does delivery take") for _ in range(3)] == [OFTEN, OFTEN, None]
        told = Counter([await asked(judge, "can i pay by card") for judge in judges])
        assert told.keys() == {ANY, None}
        assert 5 <= told[ANY] <= 25
    finally:
        built.learner.close()
        built.screen.close()
        built.store.close()


def test_nobody_is_asked_unless_an_operator_says_how_often(store):
    history = History(store)
    turn = store.asked(history.answer("somebody", "An answer."))
    assert Comparing(store, Priorities, per_day=0, share=1.0).why(turn) is None
    assert Comparing(store, Priorities, per_day=1, share=1.0).why(turn) == ANY
