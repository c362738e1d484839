"""Which feedback becomes a pair, of whom, and on which side of the firewall."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from analytics import Consent, Store
from learner.dataset import curate
from learner.errors import FirewallBroken
from learner.pair import Pair
from learner.settings import LapSettings
from learner.trust import Record, Row
from learner.trust.caps import cap_people
from tests.history import History, people

SETTINGS = LapSettings()


@pytest.fixture
def history(tmp_path):
    store = Store.open(tmp_path / "store.duckdb")
    yield History(store)
    store.close()


@pytest.fixture
def dataset(history, tmp_path):
    def make(**words):
        history.store.snapshot(tmp_path / "events")
        return curate(tmp_path / "events", SETTINGS, **words)

    return make


def texts(pairs):
    return [(pair.chosen, pair.rejected, pair.source) for pair in pairs]


def test_every_kind_of_feedback_makes_the_pair_it_means(history, dataset):
    a, b, c, d = people("learn", 4)
    history.say(a, history.answer(a, "short"), rewrite="better")
    history.correct(history.answer(b, "wrong"), "right")
    first = history.answer(c, "first")
    second = history.answer(c, "second", sibling_of=first)
    history.say(c, first, vote=-1)
    history.say(c, second, vote=1)
    one = history.answer(d, "one")
    two = history.answer(d, "two", sibling_of=one)
    history.say(d, one, preferred_over=two)
    assert texts(dataset().learn) == [
        ("better", "short", "rewrite"),
        ("right", "wrong", "correction"),
        ("second", "first", "sibling"),
        ("one", "two", "comparison"),
    ]


def test_a_later_vote_replaces_an_earlier_one(history, dataset):
    (a,) = people("learn", 1)
    first = history.answer(a, "first")
    second = history.answer(a, "second", sibling_of=first)
    for turn, vote in ((first, 1), (second, 1), (first, -1)):
        history.say(a, turn, vote=vote)
    assert texts(dataset().learn) == [("second", "first", "sibling")]


@pytest.mark.parametrize("chained", [True, False])
def test_any_two_answers_to_one_message_are_compared_however_often_it_was_asked_again(history, dataset, chained):
    (a,) = people("learn", 1)
    first = last = history.answer(a, "first")
    turns = [first]
    for text, reason in (("cut off", "cancelled"), ("third", "stop"), ("fourth", "stop")):
        last = history.answer(a, text, sibling_of=last if chained else first, finish_reason=reason)
        turns.append(last)
    for turn, vote in zip(turns, (1, -1, -1, 1), strict=True):
        history.say(a, turn, vote=vote)
    assert sorted(texts(dataset().learn)) == [("first", "third", "sibling"), ("fourth", "third", "sibling")]
    history.say(a, turns[2], preferred_over=turns[0])
    assert sorted(texts(dataset().learn)) == [("fourth", "third", "sibling"), ("third", "first", "comparison")]


def test_two_opposite_comparisons_say_nothing(history, dataset):
    (a,) = people("learn", 1)
    first = history.answer(a, "first")
    second = history.answer(a, "second", sibling_of=first)
    history.say(a, first, preferred_over=second)
    history.say(a, second, preferred_over=first)
    assert dataset().learn == []


def test_answers_to_different_questions_are_never_compared(history, dataset):
    (a,) = people("learn", 1)
    first = history.answer(a, "first", prompt="one thing")
    second = history.answer(a, "second", prompt="another thing", sibling_of=first)
    history.say(a, first, preferred_over=second)
    assert dataset().learn == []


def test_people_of_the_other_groups_judge_and_never_teach(history, dataset):
    for group in ("learn", "decide", "holdout"):
        for person in people(group, 3):
            history.say(person, history.answer(person, "short", prompt=f"{person} asks"), rewrite="better")
    found = dataset()
    assert {pair.person for pair in found.learn} == set(people("learn", 3))
    assert {pair.person for pair in found.judge} == {*people("decide", 3), *people("holdout", 3)}


def test_a_reviewers_correction_teaches_whoevers_chat_it_was_and_its_turn_no_longer_judges(history, dataset):
    (judge,) = people("decide", 1)
    turn = history.answer(judge, "short")
    history.say(judge, turn, rewrite="mine")
    history.correct(turn, "the reviewer's")
    found = dataset()
    assert texts(found.learn) == [("the reviewer's", "short", "correction")]
    assert found.judge == []


def test_an_answer_that_was_preferred_and_then_corrected_teaches_and_no_longer_judges(history, dataset):
    (judge,) = people("decide", 1)
    first = history.answer(judge, "first")
    second, third = (history.answer(judge, text, sibling_of=first) for text in ("second", "third"))
    for turn in (second, third):
        history.say(judge, turn, preferred_over=first)
    history.correct(second, "the reviewer's")
    found = dataset()
    assert texts(found.learn) == [("the reviewer's", "second", "correction")]
    assert texts(found.judge) == [("third", "first", "comparison")]
    assert {step: count for step, count in found.manifest["dropped"].items() if count} == {"corrected": 1}


def test_an_answer_that_lost_and_was_then_corrected_no_longer_judges_either(history, dataset):
    (judge,) = people("decide", 1)
    first = history.answer(judge, "first")
    second = history.answer(judge, "second", sibling_of=first)
    history.say(judge, second, preferred_over=first)
    history.correct(first, "the reviewer's")
    found = dataset()
    assert texts(found.learn) == [("the reviewer's", "first", "correction")]
    assert found.judge == []


def test_only_the_feedback_of_people_who_agree_now(history, dataset):
    a, b = people("learn", 2)
    history.say(a, history.answer(a, "short", consent=False), rewrite="never agreed")
    history.say(b, history.answer(b, "short"), rewrite="took it back")
    history.store.append(Consent(person=b, given=False, version=1))
    assert dataset().learn == []


def test_nobody_speaks_for_a_stranger(history, dataset):
    a, stranger = people("learn", 2)
    turn = history.answer(a, "short")
    history.answer(stranger, "hello")
    history.say(stranger, turn, rewrite="poison")
    assert dataset().learn == []


def test_one_person_gives_only_a_few_and_the_newest(history, dataset):
    (a,) = people("learn", 1)
    for number in range(20):
        turn = history.answer(
            a, f"short {number}", prompt=f"{'abcdefghijklmnopqrstuvwxyz'[number]} asks for {7**number}"
        )
        history.say(a, turn, rewrite="better")
    assert [pair.rejected for pair in dataset().learn] == [f"short {number}" for number in range(16, 20)]


def capped(pairs, **settings):
    rows = [Row(pair, number) for number, pair in enumerate(pairs)]
    return [row.lesson for row in cap_people(rows, Record(datetime.now(UTC)), replace(SETTINGS, **settings)).kept]


def test_somebody_who_sends_thousands_gives_no_more_than_a_share_of_what_is_kept():
    crowd = [f"person-{number}" for number in range(125) for _ in range(4)]
    flood = ["flooder"] * 5000
    own = [Pair(f"turn-{number}", person, (), "a", "b", "rewrite") for number, person in enumerate(crowd + flood)]
    corrected = [Pair(f"fixed-{number}", "flooder", (), "a", "b", "correction") for number in range(3)]
    kept = capped(own + corrected, person_share=0.02)
    given = Counter(pair.person for pair in kept if pair.source == "rewrite")
    assert given.pop("flooder") == 10 <= 0.02 * (500 + 10)
    assert set(given.values()) == {4}
    assert sum(pair.source == "correction" for pair in kept) == 3, "a reviewer's work counts for nobody"


@pytest.mark.parametrize(("crowd", "rows"), [(50, 100), (10, 4)])
def test_equals_keep_all_only_where_they_are_so_many_that_nobody_has_more_than_a_share(crowd, rows):
    own = [Pair(f"turn-{n}", f"person-{n % crowd}", (), "a", "b", "rewrite") for n in range(100 * crowd)]
    assert set(Counter(pair.person for pair in capped(own, person_share=0.02)).values()) == {rows}


def test_a_dataset_can_be_made_again_without_somebody(history, dataset):
    a, b = people("learn", 2)
    for person in (a, b):
        history.say(person, history.answer(person, "short"), rewrite="better")
    whole, again, without = dataset(), dataset(), dataset(without=frozenset({a}))
    assert whole.sha256 == again.sha256 != without.sha256
    assert {pair.person for pair in without.learn} == {b}
    assert without.manifest["without"] == [a]


def test_people_from_before_another_split_neither_teach_nor_judge(history, dataset):
    moved = next(one for one in people("decide", 100) if one in people("learn", 300, (90, 5, 5)))
    history.say(moved, history.answer(moved, "short"), rewrite="better")
    found = dataset(groups=(90, 5, 5))
    assert found.learn == found.judge == []
    assert found.manifest["dropped"]["other_split"] == 1


def test_the_firewall_holds_even_when_the_rules_fail(history, dataset, monkeypatch):
    (judge,) = people("decide", 1)
    history.say(judge, history.answer(judge, "short"), rewrite="one")
    history.say(judge, history.answer(judge, "short"), rewrite="two")
    everybody_does_both = lambda rows, groups: (rows[:1], rows[1:])  # noqa: E731
    monkeypatch.setattr("learner.dataset.pipeline._split", everybody_does_both)
    with pytest.raises(FirewallBroken):
        dataset()
