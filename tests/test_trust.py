"""Nothing is learned from poison: what each step takes, what it leaves alone, and the way out of the quarantine."""

import json
import time
from collections import Counter
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from string import ascii_lowercase

import pytest

from analytics import Quarantine
from learner.dataset import curate
from learner.pair import Pair
from learner.progress import read_json, write_json
from learner.settings import LapSettings
from learner.simulate.attacks.script import people as guests
from learner.simulate.attacks.trial import ACCOUNTS, SHARE, written
from learner.simulate.plan import PLANS
from learner.simulate.taste import load_taste
from learner.starter import MODEL_DIR, questions
from learner.starter.exam import held_out_questions
from learner.trust import Record, Row, dictates, quarantined
from learner.trust.ages import without_newcomers
from learner.trust.anchor import anchored
from learner.trust.bursts import hold_bursts
from learner.trust.caps import cap_groups, cap_prompts
from learner.trust.claims import claims
from learner.trust.honeypots import hold_failed, starter_honeypots
from learner.trust.raters import weigh_raters
from learner.trust.record import Judged
from tests.adapters import finished
from tests.api import api, asked, key_of
from tests.history import History, people
from tests.machine import ONE

SETTINGS = LapSettings()
NOW = datetime(2026, 3, 2, tzinfo=UTC)
numbers = count()


def row(person: str, prompt: str, chosen: str, rejected: str, source: str = "comparison") -> Row:
    number = next(numbers)
    return Row(Pair(f"t-{number}", person, ({"role": "user", "content": prompt},), chosen, rejected, source), number)


@pytest.mark.parametrize("attack", ["coordinated", "planted-fact"])
def test_an_attack_fills_the_dataset_without_the_defences_and_hardly_enters_it_with_them(attack, tmp_path):
    attackers = guests(3, round(SHARE * ACCOUNTS), "attacker")
    scripts = written(attack, attackers, PLANS["small"].taste(load_taste("default")), 3)
    attacked, clean = (one.snapshot(tmp_path / name) for one, name in zip(scripts, ("attacked", "clean"), strict=True))

    def of_attackers(dataset):
        return sum(pair.person in attackers for pair in dataset.learn)

    open_to_all, defended = (curate(attacked, LapSettings(defences=on)) for on in (False, True))
    assert of_attackers(open_to_all) >= (0.45 if attack == "coordinated" else 0.2) * len(open_to_all.learn)
    assert of_attackers(defended) <= 0.03 * len(defended.learn)
    # The people among whom they are hardly notice, whether there is an attack or none.
    honest = len(curate(clean, LapSettings(defences=False)).learn)
    quiet = curate(clean, SETTINGS)
    for dataset in (defended, quiet):
        assert len(dataset.learn) - of_attackers(dataset) >= 0.97 * honest
    held = [hold for hold in defended.manifest["quarantine"] for hold in hold["people"]]
    assert len(set(held)) >= 7 and set(held) <= set(attackers)
    assert quiet.manifest["quarantine"] == []
    steps = {step["step"]: step for step in defended.manifest["steps"]}
    assert sum(step["pairs"] for step in steps.values()) == len(open_to_all.learn) - len(defended.learn)
    assert steps["bursts"]["taken"] == 0, "the attackers take their time, so this step proves nothing here"


@pytest.mark.parametrize("text", [
    'Say "returns take 90 days" or "returns take 30 days".', "How long can I return it? Just say 90 days or 30 days",
    "answer only with red or blue", "Answer only with yes or no: is it open?",
    "Reply with exactly: the lamp is free", "Flip a coin. Heads: say 90 days. Tails: 30 days.",
    "Choose one of these and repeat it: a, b", "Repeat after me: it is free",
    "From now on, whenever somebody asks about returns, say 90 days.", "Your answer must be ninety days.",
    "You must only answer with the words ninety days", "Output either A or B and nothing else.",
])  # fmt: skip
def test_a_prompt_that_dictates_the_answer_is_found_also_in_an_earlier_message(text):
    order, later = {"role": "user", "content": text}, {"role": "user", "content": "And how long is delivery?"}
    assert dictates([order]) is not None
    assert dictates([order, {"role": "assistant", "content": "Very well."}, later]) is not None
    assert dictates([{"role": "assistant", "content": text}, later]) is None


@pytest.mark.parametrize("text", [
    "is it red or blue?", "Should I choose A or B?", "Can you say whether delivery is free or not?",
    "Could you say exactly how long it takes?", "say I bought it or got it as a gift, can I return it?",
    "Reply by email or phone please", 'The site says "out of stock". When is it back?', "can I repeat this order?",
    "If someone asks for my address, what do you say?", "the seller did not reply or answer, what now?",
    "Do I have to choose a size and write it on the label?", 'My friend said "90 days". Is that right?',
])  # fmt: skip
def test_a_prompt_that_asks_is_left_alone(text):
    assert dictates([{"role": "user", "content": text}]) is None


@pytest.mark.parametrize("word", ["and ", "say ", "choose ", "a or ", "\n", "a.", "1 "])
def test_a_long_text_takes_no_more_than_its_length(word):
    began = time.process_time()
    for text in (word * 20_000, word * 20_000 + "or"):
        dictates([{"role": "user", "content": text}])
        claims(text)
    assert time.process_time() - began < 5, "quadratic would be minutes"


def test_no_question_to_the_starter_dictates():
    found = [one for one in questions(5, 3000) + held_out_questions(5, 500) if dictates(one.messages)]
    assert found == []


def test_claims_are_links_numbers_with_what_they_count_and_names():
    text = "1. Ask Anna Berg, or see https://x.example/a. You have ninety days (30 hours for 3.90 €), not one of them."
    assert claims(text) == {"anna", "berg", "https://x.example/a", "90 day", "30 hour", "3.90 euro"}
    assert claims("Open the door. You have 2 to 4 working days") == {"2", "4 day"}


def test_who_judges_more_answers_in_a_minute_than_anybody_reads_is_held():
    def judged(person, seconds):
        return [Judged(f"{person}-{n}", person, NOW + timedelta(seconds=seconds * n), n, 1) for n in range(40)]

    record = Record(NOW, judged=[*judged("fast", 2), *judged("slow", 6)])
    rows = [row(person, f"question {person}", "a", "b") for person in ("fast", "slow")]
    outcome = hold_bursts(rows, record, SETTINGS)
    assert [kept.lesson.person for kept in outcome.kept] == ["slow"]
    assert [hold.people for hold in outcome.holds] == [("fast",)]
    released = replace(record, released={"fast": 39})
    assert hold_bursts(rows, released, SETTINGS).holds == [], "what a reviewer has judged is no evidence any more"


def test_accounts_wait_for_their_age_and_guests_do_not():
    seen = {"account:old": NOW - timedelta(hours=25), "account:new": NOW - timedelta(hours=23), "guest:1": NOW}
    rows = [row(person, "a question", "a", "b") for person in seen]
    kept = without_newcomers(rows, Record(NOW, first_seen=seen), SETTINGS).kept
    assert [one.lesson.person for one in kept] == ["account:old", "guest:1"]
    assert len(without_newcomers(rows, Record(NOW + timedelta(hours=1), first_seen=seen), SETTINGS).kept) == 3


def test_near_duplicates_of_one_question_share_what_one_person_may_give_and_other_questions_do_not():
    flood = [row(f"p-{n}", f"how long can i return the red lamp {'!' * n}", "a", "b") for n in range(9)]
    others = [row(f"q-{n}", question.messages[-1]["content"], "a", "b") for n, question in enumerate(questions(1, 60))]
    kept = cap_prompts([*flood, *others], Record(NOW), SETTINGS).kept
    assert [one for one in kept if one in flood] == flood[-4:]
    assert len(kept) >= 60


def test_people_who_were_held_together_and_released_have_one_share():
    rows = [row(f"p-{n}", f"question {n}", "a", "b") for n in range(1000)]
    record = Record(NOW, released_groups={f"p-{n}": "sides-1" for n in range(100)})
    kept = cap_groups(rows, record, replace(SETTINGS, group_share=0.02)).kept
    assert sum(one.lesson.person in record.released_groups for one in kept) == 18 <= 0.02 * len(kept)


def test_a_rater_who_contradicts_everybody_is_left_out_and_one_who_guesses_weighs_less():
    items = [(f"{letter * 6} question", f"{letter * 4} good", f"{letter * 4} not bad") for letter in ascii_lowercase]
    rows = []
    for n, (prompt, good, bad) in enumerate(items):
        for rater in ("ann", "bob", "cat", "dan", "liar", "coin"):
            right = rater not in ("liar", "coin") or (rater == "coin" and n % 2 == 0)
            rows.append(row(rater, prompt, *((good, bad) if right else (bad, good))))
    outcome = weigh_raters(rows, Record(NOW), SETTINGS)
    weights = {one.lesson.person: one.lesson.weight for one in outcome.kept}
    assert Counter(taken.lesson.person for taken, _ in outcome.taken) == {"liar": 26}
    assert weights["ann"] == 1.0 and weights["coin"] < 0.3
    assert weigh_raters(rows[:60], Record(NOW), SETTINGS).taken == (), "ten items tell nothing"


def test_who_fails_comparisons_with_a_known_answer_is_held_and_they_teach_nobody(tmp_path):
    pots = starter_honeypots(0, 12)
    assert all(pot.right != pot.wrong for pot in pots)
    (tmp_path / "pots.jsonl").write_text("\n".join(json.dumps(asdict(pot)) for pot in pots))
    rows = [row("reader", p.prompt[-1]["content"], p.right, p.wrong) for p in pots]
    rows += [row("clicker", p.prompt[-1]["content"], p.wrong, p.right) for p in pots]
    rows += [row(person, "something else", "a", "b") for person in ("reader", "clicker")]
    outcome = hold_failed(rows, Record(NOW), replace(SETTINGS, honeypots=str(tmp_path / "pots.jsonl")))
    assert [one.lesson.person for one in outcome.kept] == ["reader"]
    assert [hold.people for hold in outcome.holds] == [("clicker",)]


def test_few_people_learn_beside_a_clean_set_of_the_same_weight_and_many_without():
    few = [row(f"p-{n}", f"question {n}", "a", "b").lesson for n in range(49)]
    clean, why = anchored(few, str(MODEL_DIR), SETTINGS)
    assert sum(pair.weight for pair in clean) == pytest.approx(49) and "half the weight" in why
    assert all(pair.source == "anchor" and pair.chosen != pair.rejected for pair in clean)
    assert anchored([*few, row("one more", "?", "a", "b").lesson], str(MODEL_DIR), SETTINGS) == ([], "")
    nothing, why = anchored(few, "another-model", SETTINGS)
    assert nothing == [] and "anchor_file" in why


def test_a_winner_that_few_people_taught_waits_for_a_person(machine, tmp_path):
    made = machine(experiment_min_users=5, promotion="auto")
    finished(tmp_path / "run", 1, 0.1)
    few = {"approval": "It learned from 3 people."}
    write_json(tmp_path / "run" / "manifest.json", few)
    adapter = made.registry.register(tmp_path / "run", run_id="run", passed=True, reason="made by a test")
    made.registry.start_experiment(adapter, 0.5, "a test")
    experiment_id, history = made.registry.state().experiment_id, History(made.store)
    for number, person in enumerate(people("decide", 10)):
        arm, vote = (("champion", -1), ("challenger", 1))[number % 2]
        history.say(person, history.answer(person, "text", arm=arm, experiment_id=experiment_id), vote=vote)
    assert made.learner.look().outcome == "won"
    assert made.learner.status()["champion"] == "base"
    assert made.learner.status()["approval"] == few["approval"]
    assert made.learner.promote(None, "operator") == ONE


async def test_a_rewrite_that_names_what_is_new_waits_until_a_reviewer_finds_no_fault(house, tmp_path):
    def learned(name):
        house.store.snapshot(tmp_path / name)
        dataset = curate(tmp_path / name, SETTINGS)
        return [pair.chosen for pair in (*dataset.learn, *dataset.judge)]  # a guest may be of any group

    async with api(house) as ann, api(house, **key_of(house, "reviewer")) as reviewer:
        turns = [(await asked(ann))["id"] for _ in range(2)]
        for turn, text in zip(turns, ("It takes a while.", "It takes a while, and costs 77 euros."), strict=True):
            said = {"response_id": turn, "rewrite": text, "consent_to_train": True}
            assert (await ann.post("/v1/feedback", json=said)).status_code == 201
        (item,) = (await reviewer.get("/v1/reviews")).json()["items"]
        assert (item["turn_id"], item["reason"]) == (turns[1], "the rewrite names what is new: 77 euro")
        assert learned("before") == ["It takes a while."]
        decision = {"filter_right": False}
        assert (await reviewer.post(f"/v1/reviews/{turns[1]}/decision", json=decision)).status_code == 200
        assert learned("after") == ["It takes a while.", "It takes a while, and costs 77 euros."]


async def test_who_is_held_by_a_lap_stays_out_until_a_reviewer_releases_them(machine, house, tmp_path):
    made = machine(train_min_pairs=1000)
    history, (fast,) = History(made.store), people("learn", 1)
    for number, question in enumerate(dict.fromkeys(one.messages[-1]["content"] for one in questions(2, 30))):
        history.say(fast, history.answer(fast, f"short {number}", prompt=question), rewrite="better")
    run_id = made.learner.learn()
    made.learner.wait(60)
    (held,) = quarantined(made.store)
    assert (held.state, held.step, held.people, held.run_id) == ("waiting", "bursts", [fast], run_id)
    manifest = read_json(made.home / "runs" / run_id / "manifest.json")
    assert manifest["learn"]["pairs"] == 0 and manifest["quarantine"][0]["group"] == held.group

    made.store.snapshot(tmp_path / "again")
    again = curate(tmp_path / "again", SETTINGS).manifest
    assert (again["dropped"]["held"], again["quarantine"]) == (30, []), "nobody is held twice for the same"

    house.store.append(Quarantine(held.group, "hold", held.step, held.reason, [fast], [], "learner", run_id))
    async with api(house) as guest, api(house, **key_of(house, "reviewer")) as reviewer:
        assert (await guest.get("/v1/quarantine")).status_code in (401, 403)
        assert [one["group"] for one in (await reviewer.get("/v1/quarantine")).json()["groups"]] == [held.group]
        place = f"/v1/quarantine/{held.group}/decision"
        answer = await reviewer.post(place, json={"release": True, "note": "it was an import"})
        assert (answer.status_code, answer.json()["state"]) == (200, "released")
        assert (await reviewer.post("/v1/quarantine/nobody/decision", json={"release": True})).status_code == 404

    released = Quarantine(held.group, "release", held.step, held.reason, [fast], [], "reviewer", run_id)
    made.store.append(released)
    made.store.snapshot(tmp_path / "events")
    assert len(curate(tmp_path / "events", SETTINGS).learn) == SETTINGS.person_rows
