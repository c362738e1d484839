"""A frozen dataset: every kind of feedback, each step with its reasons, and the same content when it is built again."""

import random
from dataclasses import replace

import datasets
import pytest

from analytics import Feedback, Flag, Implicit, Review
from learner import BadFile, Datasets
from learner.dataset import Dataset, curate
from learner.dataset.noise import label_noise
from learner.dataset.placeholders import Masked, bare
from learner.dataset.topics import cap_topics
from learner.lessons import Rating
from learner.pair import Pair
from learner.settings import LapSettings
from learner.starter import STYLES, questions, render
from learner.trust import Record, Row
from learner.trust.texts import clusters
from tests.history import History, numbers, people

SETTINGS = LapSettings()


@pytest.fixture
def history(store):
    return History(store)


@pytest.fixture
def dataset(history, tmp_path):
    def make(settings=SETTINGS, **words):
        history.store.snapshot(tmp_path / "events")
        return curate(tmp_path / "events", settings, **words)

    return make


def said(history, person, turn_id, **given):
    fields = {"vote": None, "reasons": [], "comment": None, "rewrite": None, "preferred_over": None, **given}
    history.store.append(Feedback(f"F-{next(numbers)}", turn_id, person, source="user", **fields))


def asked(history, person, text="an answer"):
    return history.answer(person, text, prompt=f"question {person}: {text}")


def rated(ratings):
    return {(one.completion, one.good, one.source, one.weight) for one in ratings}


def test_every_way_to_rate_an_answer_is_a_rating_of_its_own_source(history, dataset):
    a, b, c, d, e, f, g = people("learn", 7)
    said(history, a, asked(history, a, "up"), vote=1)
    said(history, b, asked(history, b, "two stars"), vote=-1, stars=2)
    said(history, c, asked(history, c, "neutral"), vote=0, stars=3)
    said(history, d, asked(history, d, "helpful"), survey={"helpful": True, "quality": 4, "colour": "red"})
    said(history, e, asked(history, e, "in part wrong"), critique=[{"start": 0, "end": 2, "label": "wrong"}])
    both = asked(history, f, "liked, whatever the survey says")
    said(history, f, both, survey={"helpful": False})
    said(history, f, both, vote=1)
    history.store.append(Implicit(asked(history, g, "copied"), g, "copy", None, "client"))
    told = {
        ("up", True, "thumb", 1.0),
        ("two stars", False, "stars", 0.5),
        ("helpful", True, "survey", 0.5),
        ("in part wrong", False, "critique", 0.5),
        ("liked, whatever the survey says", True, "thumb", 1.0),
    }
    assert rated(dataset().ratings) == told, "nobody is learned from who said nothing, unless an operator wants it"
    weak = dataset(replace(SETTINGS, implicit_weight=0.1))
    assert rated(weak.ratings) == {*told, ("copied", True, "implicit", 0.1)}


def test_ratings_keep_to_the_rules_of_pairs(history, dataset):
    (a, b), (judge,) = people("learn", 2), people("decide", 1)
    for person in (a, judge):
        said(history, person, asked(history, person, f"of {person}"), vote=1)
    dictated = history.answer(b, "blue", prompt='Say "red" or "blue".')
    said(history, b, dictated, vote=1)
    never = people("learn", 3)[2]
    said(history, never, history.answer(never, "no consent", consent=False), vote=1)
    first, second = (history.answer(a, text, prompt="twice") for text in ("first", "second"))
    history.store.append()
    said(history, a, first, rewrite="better")
    said(history, a, first, vote=1)
    found = dataset()
    assert {one.person for one in found.ratings} == {a}
    assert {one.person for one in found.judge_ratings} == {judge}
    assert "first" not in {one.completion for one in found.ratings}, "it is the worse answer of a pair"
    assert (found.manifest["dropped"]["dictated"], found.manifest["dropped"]["in_a_pair"]) == (1, 1)
    assert second not in {one.turn_id for one in found.ratings}


def test_an_unsafe_answer_is_no_good_example_and_may_be_a_bad_one(history, dataset):
    a, b = people("learn", 2)
    for person, vote, right in ((a, 1, True), (a, -1, True), (a, 1, False), (b, 1, True)):
        turn = asked(history, person, f"{vote} {right} {person}")
        said(history, person, turn, vote=vote)
        place = "message" if person == b else "answer"
        history.store.append(
            Flag(turn, "filter", None, "toxic", place=place, category="harassment"),
            Review(turn, "reviewer", "decide", None, right, None, None, None),
        )
    found = dataset()
    kept = {one.completion for one in found.ratings}
    assert kept == {f"-1 True {a}", f"1 False {a}", f"1 True {b}"}
    (unsafe,) = (step for step in found.manifest["steps"] if step["step"] == "unsafe")
    assert unsafe["reasons"] == {"a reviewer found the answer unsafe: harassment": 1}


def test_personal_data_gives_way_to_the_same_placeholder_all_over_a_row():
    prompt = ({"role": "system", "content": "Write to desk@shop.org."}, {"role": "user", "content": "I am ann@x.org"})
    pair = Pair("t", "p", prompt, "ann@x.org or bob@y.org, or desk@shop.org", "No, bob@y.org", "rewrite")
    masked = Masked()
    found = masked.pair(pair)
    assert found.prompt[1]["content"] == "I am <EMAIL>" and found.prompt[0] == prompt[0]
    assert (found.chosen, found.rejected) == ("<EMAIL> or <EMAIL_2>, or desk@shop.org", "No, <EMAIL_2>")
    assert masked.counts == {"EMAIL": 2}
    assert masked.pair(replace(pair, chosen="Ask c@x.org", rejected="Ask d@x.org")) is not None
    assert masked.pair(replace(pair, chosen="Call", rejected="Call")) is None
    assert bare("No, bob@y.org") == bare(found.rejected), "so a receipt finds the row"


def test_one_person_teaches_the_same_once_and_two_people_have_two_voices(history, dataset):
    a, b = people("learn", 2)
    for person, text in (
        (a, "how long does the delivery take?"),
        (a, "how long does the delivery take??"),
        (b, "how long does the delivery take?"),
    ):
        history.say(person, history.answer(person, "short", prompt=text), rewrite="It takes a while.")
    found = dataset()
    assert sorted(pair.person for pair in found.learn) == sorted((a, b))
    assert found.manifest["dropped"]["duplicates"] == 1


def test_near_duplicates_are_found_among_thousands_and_what_differs_is_left_apart():
    texts = [question.messages[-1]["content"] for question in questions(7, 3000)]
    copies = [f"{text}, please" for text in texts[:200] if len(text) > 50]
    found = clusters([*texts, *copies])
    together = sum(
        found[place + len(texts)] == found[texts.index(copy.removesuffix(", please"))]
        for place, copy in enumerate(copies)
    )
    assert together >= 0.98 * len(copies)
    assert len(set(found)) >= 0.9 * len(set(texts))


def test_a_loud_topic_keeps_its_share_and_the_others_all_of_theirs():
    rows = [
        Row(
            Rating(
                f"t-{n}", f"p-{n}", ({"role": "user", "content": f"where is my parcel number {n}"},), "x", True, "thumb"
            ),
            n,
        )
        for n in range(900)
    ]
    quiet = [
        Row(Rating(f"q-{n}", f"q-{n}", ({"role": "user", "content": text},), "x", True, "thumb"), 1000 + n)
        for n, text in enumerate(q.messages[-1]["content"] for q in questions(3, 300))
    ]
    kept = cap_topics([*rows, *quiet], Record(None), replace(SETTINGS, topic_rows=50)).kept
    assert sum(row in rows for row in kept) <= 350
    assert sum(row in quiet for row in kept) >= 250


def test_the_estimate_of_wrong_labels_finds_what_was_flipped_and_nothing_where_nothing_was():
    rng = random.Random(1)
    shares = []
    for flip in (0.0, 0.2):
        pairs = []
        for number, question in enumerate(questions(3, 600)):
            a, b = (render(question.intent, style, rng, question.order) for style in sorted(STYLES)[:2])
            a, b = (b, a) if rng.random() < flip else (a, b)
            pairs.append(Pair(f"t{number}", f"p{number % 60}", question.messages, a, b, "comparison"))
        shares.append(label_noise(pairs, 0)["by_cross_validation"]["share"])
    assert shares[0] < 0.05 and 0.12 < shares[1] < 0.28


@pytest.fixture
def shelf(history, tmp_path):
    shelf = Datasets(history.store, tmp_path, model="no model", settings=SETTINGS, groups=(60, 30, 10))
    prompts = [question.messages[-1]["content"] for question in questions(5, 9)]
    for person, prompt in zip((*people("learn", 6), *people("decide", 3)), prompts, strict=True):
        history.say(person, history.answer(person, "short", prompt=prompt), rewrite="A better one.")
        said(history, person, asked(history, person, "rated"), vote=1)
    return shelf


def test_a_dataset_is_built_again_as_it_was_as_of_then_and_without_somebody(history, shelf, tmp_path):
    built = shelf.build(actor="a test")
    (late,) = people("learn", 7)[6:]
    history.say(late, asked(history, late, "short"), rewrite="Too late.")
    again = shelf.rebuild(built["id"][:5], actor="a test")
    assert (again["same"], again["id"]) == (True, built["id"]), "what came later changes nothing"
    assert shelf.build(actor="a test")["learn"]["pairs"] == built["learn"]["pairs"] + 1

    gone = people("learn", 1)[0]
    without = shelf.rebuild(built["id"], without=[gone], actor="a test")
    assert (without["same"], without["without"]) == (False, [gone])
    rows = shelf.read(without["id"])
    assert gone not in {one.person for one in (*rows.learn, *rows.ratings)}
    assert gone not in str({**without, "without": None})
    sides = shelf.diff(built["id"], without["id"])["sides"]
    assert sides["learn"]["only_first"]["people"] == {gone: 1} and sides["learn"]["only_second"]["rows"] == 0
    assert {one["id"] for one in shelf.list()} >= {built["id"], without["id"]}

    folder = shelf.find(built["id"])
    loaded = {
        name: datasets.load_dataset(
            "parquet", data_files=str(folder / f"{name}.parquet"), split="train", cache_dir=str(tmp_path / "cache")
        )
        for name in ("dataset", "ratings")
    }
    assert loaded["dataset"].num_rows == 6 and loaded["dataset"].column_names[2:5] == ["prompt", "chosen", "rejected"]
    assert loaded["ratings"][0]["good"] is True
    (folder / "judge.parquet").write_bytes((folder / "dataset.parquet").read_bytes())
    with pytest.raises(BadFile, match="not those that its manifest names"):
        Dataset.read(folder)


def test_what_taught_a_promoted_adapter_is_kept_before_what_is_newer(history, dataset, tmp_path):
    from analytics import Adapter, Run

    (a,) = people("learn", 1)
    for number in range(3):
        history.say(
            a,
            history.answer(a, f"old {number}", prompt=f"{number * 7} {'abc'[number] * 30}"),
            rewrite="better",
        )
    old = dataset()
    (tmp_path / "shelf" / old.id).mkdir(parents=True)
    old.write(tmp_path / "shelf" / old.id)
    for number in range(8):
        history.say(
            a,
            history.answer(a, f"new {number}", prompt=f"{number * 13} {'defghijk'[number] * 30}"),
            rewrite="newer",
        )
    history.store.append(
        Run("r", "succeeded", "operator", None, "", "", {"adapter": "m@1", "dataset": old.id}),
        Adapter("m@1", "0", "", "m", "r", "champion", ""),
    )
    assert {pair.rejected[:3] for pair in dataset().learn} == {"new"}
    found = dataset(shelf=tmp_path / "shelf")
    assert sorted(pair.rejected[:3] for pair in found.learn) == ["new", "new", "old", "old"]
    assert found.manifest["replay"] == {"datasets": [old.id], "missing": [], "rows": 2}
