"""Experiments in the server: who is sent where, answers of both arms side by side, and champions of segments."""

import asyncio
import re
from collections.abc import Iterator

import numpy as np
import pytest
from playwright.sync_api import expect

from benchmarks.experiment import moving
from chatbot import conversations
from chatbot.pages.experiment import panel
from chatbot.turn import TurnRequest
from learner import BadScores, Judgement, LearnerSettings, person_group
from learner.experiment import Evidence, Plan, judge
from learner.segmenting import Topics, language_of, tenant_of
from learner.starter import questions
from tests.adapters import register
from tests.api import api, asked
from tests.chromium import WAIT_MS
from tests.history import History, people
from tests.machine import ONE, Machine
from tests.page_steps import answers, ask, ask_and_wait, eventually
from tests.pages_server import Running, running, services

EVERYBODY = {"split": "0/100/0", "compare_per_day": 9, "experiment_compare_share": 1.0}


def arms_of(made: Machine, names: list[str]) -> list[str]:
    return [made.learner.assignments.route(name, "decide").arm for name in names]


def test_a_ramp_touches_new_people_only_and_a_restart_moves_nobody(machine):
    made = machine(experiment_ramp="5,20", experiment_batch=200)
    experiment_id, history = made.learner.null_experiment("operator"), History(made.store)
    names = people("decide", 700)
    shares = []
    for first in range(0, 600, 200):
        shares.append(made.learner.assignments.running().share)
        with history.together():
            for name in names[first : first + 200]:
                sent = made.learner.assignments.route(name, "decide")
                history.answer(name, "text", arm=sent.arm, experiment_id=experiment_id, propensity=sent.propensity)
    assert shares == [0.05, 0.2, 0.5]
    before = arms_of(made, names[:600])
    met = [before[first : first + 200].count("challenger") for first in range(0, 600, 200)]
    assert met == pytest.approx([10, 40, 100], abs=20)
    made.close()
    again = machine(experiment_ramp="5,20", experiment_batch=200)
    assert arms_of(again, names[:600]) == before
    assert again.learner.status()["experiment"]["balance"]["expected"] == pytest.approx([450, 150], abs=1)


def test_an_allocation_follows_the_votes_from_batch_to_batch_with_a_floor(machine):
    made = machine(experiment_allocation="thompson", experiment_batch=40)
    experiment_id, history = made.learner.null_experiment("operator"), History(made.store)
    shares, names = set(), people("decide", 200)
    for first in range(0, 200, 40):
        made.learner.assignments.look()
        with history.together():
            for name in names[first : first + 40]:
                sent = made.learner.assignments.route(name, "decide")
                shares.add(sent.propensity if sent.arm == "challenger" else round(1 - sent.propensity, 6))
                told = {"arm": sent.arm, "experiment_id": experiment_id, "propensity": sent.propensity}
                history.say(name, history.answer(name, "text", **told), vote=1 if sent.arm == "challenger" else -1)
    assert min(shares) == 0.5 and max(shares) == pytest.approx(0.9, abs=0.01), "the loser keeps the floor"
    judged = made.learner.look()
    assert len(judged.shares) > 1 and judged.difference == pytest.approx(1.0), "compared within each share"


def test_a_ramp_while_times_change_is_judged_within_each_share():
    rng, plan, settings = np.random.default_rng(5), Plan((0.05, 0.2, 0.5), batch=150), LearnerSettings()
    found = []
    for _ in range(30):
        champion, challenger, shares = moving._crowd(rng, plan).until(1000)
        within_shares = judge(champion, challenger, settings, Evidence(shares=shares))
        found.append((within_shares.difference, judge(champion, challenger, settings).difference))
        assert within_shares.shares == [0.05, 0.2, 0.5]
    ours, plain = np.mean(found, axis=0)
    assert plain > 0.04, "thumbs go up over time, and most who meet the challenger come late"
    assert ours == pytest.approx(0, abs=0.02)


def test_a_preview_tells_the_other_routing_from_the_log(machine):
    made = machine(experiment_spending="lord")
    with pytest.raises(BadScores, match="none of one arm yet"):
        made.learner.null_experiment("operator")
        made.learner.preview(share=0.3)
    experiment_id, history = made.registry.state().experiment_id, History(made.store)
    with history.together():
        for number, name in enumerate(people("decide", 200)):
            arm = ("champion", "challenger")[number % 2]
            turn = history.answer(name, "text", arm=arm, experiment_id=experiment_id)
            history.say(name, turn, vote=1 if number % 10 < (6, 9)[number % 2] else -1)
    found = made.learner.preview(adapter=made.registry.state().challenger.adapter)
    said, now = found["preview"]["doubly_robust"], found["now"]["doubly_robust"]
    assert (said["value"], now["value"]) == (pytest.approx(0.8, abs=0.05), pytest.approx(0.6, abs=0.05))
    assert said["lower"] < 0.8 < said["upper"] and found["preview"]["effective_users"] == 100
    shown = panel(made.learner.status()["experiment"])
    assert all(part in shown for part in ("Still needed", "rating rate", "Error over the stream", "if nobody did"))
    with pytest.raises(BadScores, match="Nobody was served by starter@7"):
        made.learner.preview(adapter="starter@7")


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("How long does the delivery take?", "en"),
        ("Wie lange dauert die Lieferung nach Wien?", "de"),
        ("¿Cuánto tarda el envío a mi casa?", "es"),
        ("Combien de temps pour la livraison ?", "fr"),
        ("配送には何日かかりますか", "ja"),
        ("送货需要几天", "zh"),
        ("Сколько идёт доставка?", "ru"),
        ("ok", None),
    ],
)
def test_languages_are_told_by_script_and_common_words(text, language):
    assert language_of(text) == language


def test_topics_are_found_once_and_stay_the_same(store, tmp_path):
    history = History(store)
    asked_for = list(dict.fromkeys(question.messages[-1]["content"] for question in questions(1, 600)))
    with history.together():
        for number, text in enumerate(asked_for):
            history.answer(f"guest:{number}", "text", prompt=text)
    topics = Topics(store, tmp_path)
    assert topics.of(asked_for[0]) is None
    topics.prepare()
    names = [topics.of(text) for text in asked_for]
    assert len(set(names)) > 2
    again = Topics(store, tmp_path)
    again.prepare()
    assert [again.of(text) for text in asked_for] == names


def test_where_a_winner_is_worse_the_segment_keeps_what_it_had(machine, tmp_path):
    made = machine(segments="language", promotion="ask")
    register(made.registry, tmp_path / "run", 1, 0.1, passed=True)
    made.learner._challenge(ONE, "operator")
    claims = [{"segment": "de", "state": "lost"}, {"segment": "en", "state": "open"}]
    made.registry.finish_experiment(Judgement("won", "A test.", 99, 99, segments=claims))
    made.learner.promote(None, "operator")
    german = [{"role": "user", "content": "Wie lange dauert die Lieferung?"}]
    assert made.learner.assignments.route("somebody", "learn", german).adapter == "base"
    assert made.learner.assignments.route("somebody", "learn").adapter == ONE


def test_a_tenant_is_the_account_that_speaks_or_the_key():
    said = [tenant_of(person) for person in ("user:a1:ann", "key:k1", "guest:1", "account:a1")]
    assert said == ["account:a1", "key:k1", None, None]


def test_a_challenger_that_wins_in_one_language_is_promoted_there_alone_and_taken_back(machine, tmp_path):
    wanted = {"segments": "language", "experiment_min_users": 5, "experiment_max_users": 160}
    made = machine(**wanted)
    history, talk = History(made.store), {"de": "Wie lange dauert die Lieferung?", "en": "How long is the delivery?"}
    names = people("decide", 160)
    with history.together():
        for number, name in enumerate(names[:40]):
            history.answer(name, "text", segment=("de", "en")[number % 2])
    register(made.registry, tmp_path / "run", 1, 0.1, passed=True)
    experiment_id = made.learner._challenge(ONE, "operator")
    with history.together():
        for number, name in enumerate(names):
            arm, segment = ("champion", "challenger")[number % 2], ("de", "en")[number // 2 % 2]
            told = {"arm": arm, "experiment_id": experiment_id, "segment": segment}
            better = (arm == "challenger") == (segment == "de")
            history.say(name, history.answer(name, "text", **told), vote=1 if better else -1)
    judged = made.learner.look()
    assert (judged.outcome, judged.won_in) == ("won", ["de"])
    assert [(one["segment"], one["state"]) for one in judged.segments] == [("de", "won"), ("en", "lost")]

    def served(made: Machine, language: str) -> str:
        return made.learner.assignments.route(
            "somebody", "learn", [{"role": "user", "content": talk[language]}]
        ).adapter

    assert (served(made, "de"), served(made, "en")) == (ONE, "base")
    assert made.learner.status()["champion"] == "base" and ONE in made.loaded
    assert made.learner.status()["segments"] == {"de": ONE}
    made.close()
    again = machine(**wanted)
    assert (served(again, "de"), served(again, "en")) == (ONE, "base")
    again.learner.rollback("operator")
    assert (served(again, "de"), served(again, "en")) == ("base", "base")
    assert again.store.verify_audit() > 0


@pytest.fixture
def house(tmp_path):
    built = services(tmp_path / "home", **EVERYBODY)
    built.engine.pause = 0.0
    built.learner.null_experiment("operator")
    yield built
    built.learner.close()
    built.store.close()


async def test_a_client_compares_both_arms_without_being_told_which_is_which(house):
    async with api(house) as client:
        told = await asked(client, n=2, compare=True)
        first, second = ids = told["ratchet"]["response_ids"]
        assert told["ratchet"]["compares"] and "arm" not in told["ratchet"] and told["model"] == "default"
        arms = {row["turn_id"]: (row["arm"], row["cohort"]) for row in house.store.rows("SELECT * FROM turn")}
        assert sorted(arms.values()) == [("challenger", "compare"), ("champion", "compare")]
        said = await client.post("/v1/comparisons", json={"response_ids": ids, "choice": "second"})
        assert said.status_code == 201 and said.json()["receipt"].startswith("F-")
        (row,) = house.store.rows("SELECT score FROM experiment_comparisons")
        assert row["score"] == (1 if arms[second][0] == "challenger" else -1)
        await client.post("/v1/comparisons", json={"response_ids": ids, "choice": "both_bad"})
        (row,) = house.store.rows("SELECT score FROM experiment_comparisons")
        assert row["score"] == 0, "the latest word on a pair holds"
        unknown = await client.post("/v1/comparisons", json={"response_ids": [first, first], "choice": "tie"})
        assert unknown.status_code == 400 and "not shown side by side" in unknown.text


async def test_who_stops_two_answers_goes_on_with_their_own(house):
    house.engine.pause = 0.05
    messages = [{"role": "user", "content": "Count to a hundred"}]
    request = TurnRequest("guest:1", messages, "page")
    asking = asyncio.create_task(house.both_arms.both(house.turns, request, "starter-copy@1#1"))
    await asyncio.sleep(0.4)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    rows = await asyncio.to_thread(eventually, lambda: house.store.rows("SELECT * FROM arm_comparison"))
    own, other = house.store.rows("SELECT * FROM turns ORDER BY seq")
    assert (rows[0]["choice"], rows[0]["goes_on"]) == ("skipped", own["turn_id"])
    assert (own["finish_reason"], other["finish_reason"]) == ("cancelled", "cancelled")
    assert [row["turn_id"] for row in conversations.shown(house.store, own["conversation_id"])] == [own["turn_id"]]


async def test_nobody_is_asked_more_often_than_the_cap_and_only_the_cohort_is(tmp_path):
    built = services(tmp_path / "home", **{**EVERYBODY, "compare_per_day": 1})
    built.engine.pause = 0.0
    async with api(built) as client:
        assert "compares" not in (await asked(client, n=2, compare=True))["ratchet"], "no experiment runs"
        built.learner.null_experiment("operator")
        compared = [(await asked(client, n=2, compare=True))["ratchet"].get("compares") for _ in range(2)]
    assert compared == [True, None]
    built.learner.close()
    built.store.close()


@pytest.fixture(scope="module")
def served(tmp_path_factory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("pages") / "home", **EVERYBODY) as started:
        started.services.engine.pause = 0.0
        started.services.learner.null_experiment("operator")
        yield started


def pair_on(page, served: Running, number: int) -> tuple[str, str]:
    """Ask until two answers stand side by side: chance chooses the questions."""
    for attempt in range(40):
        ask(page, f"How long, please ({number}.{attempt})?")
        expect(page.locator("#rt-send")).to_be_visible()
        if page.locator("#rt-pair").is_visible():
            texts = [text.strip() for text in page.locator("#rt-pair .rt-earlier div").all_inner_texts()]
            return texts[0], texts[1]
    raise AssertionError("nobody was asked")


@pytest.mark.browser
def test_two_answers_stand_side_by_side_and_the_chosen_one_goes_on(served, browser):
    context = browser.new_context(viewport={"width": 1200, "height": 800})
    page = context.new_page()
    page.set_default_timeout(WAIT_MS)
    page.goto(served.url)
    page.wait_for_selector("#rt-learning:has-text(':')")
    for number, (label, choice) in enumerate(
        (("B is better", "right"), ("A is better", "left"), ("A tie", "tie"), ("Both are bad", "both_bad"))
    ):
        left, right = pair_on(page, served, number)
        assert left != right
        page.locator("#rt-pair button", has_text=label).click()
        expect(page.locator("#rt-pair")).to_be_hidden()
        (row,) = served.rows("SELECT * FROM arm_comparison ORDER BY seq DESC LIMIT 1")
        assert row["choice"] == choice
        goes_on = served.rows("SELECT completion FROM turns WHERE turn_id = ?", row["goes_on"])[0]["completion"].strip()
        assert answers(page)[-1] == goes_on
        if choice in ("left", "right"):
            assert goes_on == (left if choice == "left" else right)
            expect(page.locator("#rt-receipt")).to_contain_text(re.compile("Receipt F-"))
    pair_on(page, served, 9)  # and who does not choose goes on with the answer of their own arm
    (row,) = served.rows("SELECT * FROM arm_comparison WHERE choice = 'shown' ORDER BY seq DESC LIMIT 1")
    assert row["goes_on"] == row["first_turn"]
    served.services.learner.stop_experiment("operator", "a test")
    ask_and_wait(page, "And on Sundays?")
    sent = served.rows("SELECT messages FROM turn ORDER BY seq DESC LIMIT 1")[0]["messages"]
    own = served.rows("SELECT completion FROM turns WHERE turn_id = ?", row["goes_on"])[0]["completion"].strip()
    assert sent[-2]["content"].strip() == own == answers(page)[-2]
    context.close()


def test_the_plan_says_who_compares_whatever_is_set_later():
    plan = Plan.from_values(Plan((0.5,), compare_share=0.1).to_values())
    names = people("decide", 3000)
    cohort = [name for name in names if plan.compares(name, "starter@1#1")]
    assert len(cohort) == pytest.approx(300, abs=60)
    other = [name for name in names if plan.compares(name, "starter@2#2")]
    assert len(set(cohort) & set(other)) == pytest.approx(30, abs=25), "another experiment draws anew"
    assert {person_group(name) for name in cohort} == {"decide"}
