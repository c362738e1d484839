"""What leaves the store and what counts: only what people agreed to, each group for its own purpose."""

import io
import json
import random
from datetime import UTC, datetime

import datasets
import pytest

from analytics import Consent, Store, experiments, queries
from learner import person_group
from tests.history import History, people
from tests.real_server import ratchet, told


@pytest.fixture
def history(store):
    """One of everything by people who agree, and the same by two who do not."""
    history = History(store)
    teacher, judge, never, withdrew = *people("learn", 3)[:1], *people("decide", 1), *people("learn", 3)[1:]
    for person in (teacher, judge, never, withdrew):
        agrees = person != never
        history.say(person, history.answer(person, "short", consent=agrees), rewrite="better")
        first = history.answer(person, "first", consent=agrees)
        second = history.answer(person, "second", sibling_of=first, consent=agrees)
        third = history.answer(person, "third", sibling_of=first, consent=agrees)
        history.say(person, first, vote=-1)
        history.say(person, second, vote=1)
        history.say(person, third, preferred_over=first)
        history.correct(history.answer(person, "wrong", consent=agrees), "right")
    store.append(Consent(withdrew, False, 1))
    return history


MESSAGES = datasets.List({"role": datasets.Value("string"), "content": datasets.Value("string")})
WANTED = {
    "pairs": {"prompt": MESSAGES, "chosen": MESSAGES, "rejected": MESSAGES},
    "thumbs": {"prompt": MESSAGES, "completion": MESSAGES, "label": datasets.Value("bool")},
    "turns": {"messages": MESSAGES},
}


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
@pytest.mark.parametrize("what", ["pairs", "thumbs", "turns"])
def test_an_export_loads_with_the_columns_that_trl_reads(history, tmp_path, what, form):
    path = tmp_path / f"rows.{form}"
    with path.open("wb") as file:
        count = history.store.export(what, form, file)
    read = datasets.Dataset.from_json if form == "jsonl" else datasets.Dataset.from_parquet
    loaded = read(str(path), cache_dir=str(tmp_path / "cache"))
    assert len(loaded) == count > 0
    assert {name: loaded.features[name] for name in WANTED[what]} == WANTED[what]
    assert set(loaded["person_group"]) == {"learn", "decide"}


def exported(store: Store, what: str) -> list[dict]:
    file = io.BytesIO()
    store.export(what, "jsonl", file)
    return [json.loads(line) for line in file.getvalue().splitlines()]


def test_an_export_holds_every_kind_of_pair_of_people_who_agree_and_of_nobody_else(history):
    rows = exported(history.store, "pairs")
    texts = [(row["chosen"][0]["content"], row["rejected"][0]["content"], row["source"]) for row in rows]
    kinds = {
        ("better", "short", "rewrite"),
        ("second", "first", "sibling"),
        ("third", "first", "comparison"),
        ("right", "wrong", "correction"),
    }
    assert (len(texts), set(texts)) == (8, kinds)
    assert rows[0]["prompt"] == [{"role": "user", "content": "how long is delivery?"}]
    assert [(row["completion"][0]["content"], row["label"]) for row in exported(history.store, "thumbs")] == [
        ("first", False),
        ("second", True),
    ] * 2
    turn = exported(history.store, "turns")[0]
    assert [message["role"] for message in turn["messages"]] == ["user", "assistant"]
    assert datetime.fromisoformat(turn["at"]).tzinfo is not None


def test_an_export_that_fails_leaves_the_last_one_alone(history, tmp_path):
    words = ("export", "--home", str(tmp_path), "--out", str(tmp_path / "pairs.jsonl"))
    (tmp_path / "pairs.jsonl").write_text("the last one")
    assert ratchet(*words).returncode == 1, "this process has the store"
    assert (tmp_path / "pairs.jsonl").read_text() == "the last one"
    assert not list(tmp_path.glob(".pairs*"))
    history.store.close()
    assert told(ratchet(*words, "--json"))["rows"] == 8
    assert len((tmp_path / "pairs.jsonl").read_text().splitlines()) == 8


def test_the_views_keep_the_groups_apart_whatever_people_try(store):
    history, rng = History(store), random.Random(5)
    crowd = [*people("learn", 6), *people("decide", 6), *people("holdout", 3)]
    turns = [
        (person, history.answer(person, "text", experiment_id=rng.choice([None, "a@1#1"])))
        for person in [*crowd, *rng.choices(crowd, k=30)]
    ]
    for _ in range(200):
        (owner, turn), (_, other) = rng.choice(turns), rng.choice(turns)
        speaker = rng.choice([owner, *crowd[::3]])
        said = rng.choice([{"vote": rng.choice([-1, 0, 1])}, {"rewrite": "mine"}, {"preferred_over": other}])
        history.say(speaker, turn, **said)
    owners = {turn: person for person, turn in turns}
    groups = {"learn_feedback": {"learn"}, "experiment_votes": {"decide"}}
    for view, allowed in groups.items():
        rows = store.rows(f"SELECT * FROM {view}")
        assert {person_group(row["person"]) for row in rows} == allowed
        assert all(owners[row["turn_id"]] == row["person"] for row in rows if "turn_id" in row)
    arms = experiments.user_scores(store, "a@1#1")
    assert sum(len(arm.scores) for arm in arms.values()) <= 6, "a person is one number"


def test_only_what_may_be_used_counts_as_new_feedback(store):
    history = History(store)
    (teacher, never), (judge,) = people("learn", 2), people("decide", 1)
    for person in (teacher, never, judge):
        turn = history.answer(person, "short", consent=person != never)
        history.say(person, turn, vote=1)
        history.correct(turn, "right")
    blocked = history.answer(teacher, "", finish_reason="content_filter")
    history.say(teacher, blocked, vote=-1)
    history.correct(blocked, "what should have been said")
    assert queries.new_usable_feedback(store, None) == 3, "one vote, and a correction for each who agreed"
    assert queries.new_usable_feedback(store, datetime.now(UTC)) == 0
