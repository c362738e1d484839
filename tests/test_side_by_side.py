"""Blind side-by-sides: two adapters answer, reviewers decide, and a promotion has its independent signal."""

import json

import pytest

from analytics import Conversation, SideBySide
from chatbot.errors import BadRequest, UnknownSideBySide
from chatbot.side_by_sides import SideBySides
from learner.errors import JudgeRefused
from learner.independent import signal
from learner.leaderboard import win_share
from learner.side_by_side.run import Comparison, prompts
from learner.simulate.client import Client
from learner.simulate.reviewers import Reviewers
from learner.simulate.taste import Habits, PeopleTraits, Taste, Weights
from learner.starter import questions
from tests.adapters import register
from tests.history import History, people
from tests.pages_server import running, services


def items(store, count: int, challenger: str = "m@2", champion: str = "m@1", set_id: str = "s1") -> None:
    for number in range(count):
        side = "ab"[number % 2]
        answers = ("new", "old") if side == "a" else ("old", "new")
        asked = [{"role": "user", "content": f"Question {number}?"}]
        item, person = f"{set_id}-{number}", f"prompt:{number}"
        store.append(SideBySide(set_id, item, None, person, asked, challenger, champion, *answers, side))


def answer_all(kept: SideBySides, reviewer: str, wins: float) -> None:
    """Prefer the new answer in a share of the items, by what is shown alone."""
    _, waiting = kept.waiting(reviewer, 100)
    for place, item in enumerate(sorted(waiting, key=lambda one: one["item_id"])):
        better = "new" if place < wins * len(waiting) else "old"
        kept.decide(item["item_id"], reviewer, "a" if item["answer_a"] == better else "b")


@pytest.fixture
def house_of_two(tmp_path):
    built = services(tmp_path / "home")
    yield built
    built.learner.close()
    built.screen.close()
    built.store.close()


async def test_simulated_reviewers_decide_what_two_adapters_answered_and_are_not_told_whose_is_whose(tmp_path):
    taste = Taste(Weights(length=400.0), PeopleTraits(threshold=300.0, mood=0.0, difference=0.0), Habits(flips=0.0))
    asked = [one for one in questions(1, 200) if len(one.messages) == 1][:6]
    with running(tmp_path / "home", gate_max_tokens=24) as served:
        built = served.services
        history, (learner,), (*judges, silent) = History(built.store), people("learn", 1), people("decide", 7)
        for person, question in zip(judges, asked, strict=True):
            history.answer(person, "Soon.", prompt=question.messages[0]["content"])
        history.answer(learner, "Soon.", prompt="of the learn group")
        history.answer(silent, "Soon.", prompt="of somebody who did not agree", consent=False)
        adapter = register(built.learner.registry, built.settings.home / "runs" / "made", seed=3, size=0.3)
        client = Client(served.url, built.accounts.keys["operator"])
        try:
            found = await Reviewers(client, taste, "honest", asked, seed=1, count=3).compare(adapter, count=20)
        finally:
            await client.close()
        rows = built.store.rows("SELECT * FROM side_by_side")
        assert {row["person"] for row in rows} <= set(judges)
        assert {(row["challenger"], row["champion"]) for row in rows} == {(adapter, "base")}
        assert (found["challenger"], found["items"], found["reviewer"]["deciders"]) == (adapter, len(rows), 3)
        assert found["reviewer"]["decisions"] == 3 * len(rows) >= 3
        longer = {
            row["item_id"]: "a" if len(row["answer_a"].split()) > len(row["answer_b"].split()) else "b" for row in rows
        }
        decided = built.store.rows("SELECT item_id, choice FROM preference")
        said = [row for row in decided if row["choice"] != "tie"]
        assert said and all(longer[row["item_id"]] == row["choice"] for row in said)
        waiting, (shown, *_) = built.side_by_sides.waiting("somebody")
        assert (waiting, {*shown}) == (len(rows), {"item_id", "messages", "answer_a", "answer_b"})
        built.store.append(Conversation(f"conversation-{rows[0]['person']}", rows[0]["person"], "delete"))
        assert built.side_by_sides.waiting("somebody")[0] == waiting - 1


def test_prompts_are_one_of_everybody_before_a_second_of_anybody(house_of_two, tmp_path):
    history, (loud, quiet) = History(house_of_two.store), people("decide", 2)
    for number in range(5):
        history.answer(loud, "Soon.", prompt=f"loud {number}")
    history.answer(quiet, "Soon.", prompt="quiet")
    history.answer(quiet, "Soon.", prompt="quiet")
    house_of_two.store.snapshot(tmp_path / "events")
    asked = prompts(tmp_path / "events", Comparison("m@2", "base", 3), "seed")
    assert sorted(one.person for one in asked[:2]) == sorted([loud, quiet])
    assert len({one.messages[-1]["content"] for one in asked}) == 3
    given = Comparison("m@2", "base", 3, prompts=([{"role": "user", "content": "of a file"}],))
    (only,) = prompts(tmp_path / "events", given, "seed")
    assert (only.turn_id, only.messages[-1]["content"]) == (None, "of a file")


def test_the_signal_holds_by_enough_reviewers_and_by_nothing_less(house_of_two):
    built = house_of_two
    kept, store = built.side_by_sides, built.store
    assert "Nobody was shown" in signal(store, "m@2", "m@1").reason
    items(store, 40)
    for reviewer in ("r1", "r2"):
        answer_all(kept, reviewer, 1.0)
    assert (signal(store, "m@2", "m@1").holds, signal(store, "m@2", "m@1").source) == (False, None)
    answer_all(kept, "r3", 0.9)
    found = signal(store, "m@2", "m@1")
    assert (found.source, found.count, found.holds) == ("reviewers", 120, True)
    assert found.lower >= 0.5
    assert signal(store, "m@1", "m@2").source is None
    items(store, 1, set_id="s2")
    assert "wait for a first decision" in signal(store, "m@2", "m@1").reason
    for reviewer in ("r1", "r2", "r3"):
        _, waiting = kept.waiting(reviewer)
        assert len(waiting) == 1
        for number in range(40):
            kept.decide(f"s1-{number}", reviewer, "tie")
        kept.decide("s2-0", reviewer, "both-bad")
    found = signal(store, "m@2", "m@1")
    assert (found.share, found.holds) == (0.5, False)  # ties alone prove nothing


def calibrated(home, judge: str, passed: bool = True, reward_model: str = "") -> None:
    numbers = dict.fromkeys(
        ("agreement", "low", "high", "shown_first", "shown_first_low", "shown_first_high", "margin"), 0.7
    )
    counts = dict.fromkeys(("pairs", "people", "decided", "ties", "flips", "unread"), 99)
    told = {"judge": judge, **counts, **numbers, "passed": passed, "reason": "told", "created": "now"}
    (home / "judges").mkdir(exist_ok=True)
    record = {"calibration": told, "url": "http://x", "model": "m", "rubric": None, "reward_model": reward_model}
    (home / "judges" / f"{judge}.json").write_text(json.dumps(record))


def test_a_judge_stands_in_only_when_calibrated_and_reviewers_outrank_it(house_of_two):
    built, home = house_of_two, house_of_two.settings.home
    kept, store = built.side_by_sides, built.store
    items(store, 40)
    wins = {f"s1-{n}": ("ab"[n % 2] if n % 8 else "tie") for n in range(40)}
    calibrated(home, "weak", passed=False)
    calibrated(home, "reward", reward_model="/somewhere")
    for name in ("unknown", "weak", "reward"):
        with pytest.raises(JudgeRefused):
            kept.judge("s1", name, wins, "operator")
    calibrated(home, "good")
    with pytest.raises(BadRequest, match="40 items"):
        kept.judge("s1", "good", {"s1-0": "a"}, "operator")
    with pytest.raises(UnknownSideBySide):
        kept.judge("none", "good", wins, "operator")
    kept.judge("s1", "good", wins, "operator")
    found = signal(store, "m@2", "m@1")
    assert (found.source, found.holds, found.count) == ("judge", True, 40)
    for reviewer in ("r1", "r2", "r3"):
        answer_all(kept, reviewer, 0.2)
    assert (signal(store, "m@2", "m@1").source, signal(store, "m@2", "m@1").holds) == ("reviewers", False)


def test_a_judge_whose_labels_taught_the_challenger_is_refused(house_of_two):
    built, home = house_of_two, house_of_two.settings.home
    run = home / "runs" / "made"
    adapter = register(built.learner.registry, run, seed=3, size=0.3)
    items(built.store, 30, challenger=adapter)
    calibrated(home, "good")
    labelled = home / "ai-feedback" / "one"
    labelled.mkdir(parents=True)
    (labelled / "manifest.json").write_text(json.dumps({"judge": {"judge": "good"}}))
    choices = {f"s1-{n}": "a" for n in range(30)}
    (run / "result.json").write_text(json.dumps({"ai_pairs": 12}))
    with pytest.raises(JudgeRefused, match="learned from"):
        built.side_by_sides.judge("s1", "good", choices, "operator")
    (run / "result.json").write_text(json.dumps({"ai_pairs": 0}))
    built.side_by_sides.judge("s1", "good", choices, "operator")


def test_the_interval_is_wide_where_decisions_go_together():
    alone = win_share([1.0, 0.0, 1.0, 1.0] * 25, [str(n) for n in range(100)])
    assert (round(alone.lower, 2), round(alone.upper, 2)) == (0.66, 0.82)  # Wilson's for 75 of 100
    apart = win_share([1.0] * 75 + [0.0] * 25, ["x"] * 75 + ["y"] * 25)
    assert apart.lower < 0.2  # two people who disagree are two opinions
    assert (win_share([1.0] * 9, ["one"] * 9).lower, win_share([]).share) == (0.0, None)
    assert win_share([1.0] * 60, [str(n % 3) for n in range(60)]).lower < 0.8
