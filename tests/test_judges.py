"""AI feedback: which judges may label, what they may see, and what becomes of what they say."""

import random

import pytest

from learner.errors import BadFile, JudgeFailed, JudgeRefused
from learner.judges import (
    Cache,
    Candidate,
    Case,
    JudgeServer,
    ModelJudge,
    Verdict,
    calibrate,
    label,
    load_rubric,
    unrated_siblings,
)
from learner.pair import Pair
from tests.guard_server import serving
from tests.history import History, people
from tests.judge_server import noisy, saying, shown, warmer

ASKED = ({"role": "user", "content": "when does my parcel come?"},)
COOL, WARM = "It comes on Monday.", "I am glad to help! It comes on Monday."


def decided(count: int, flips: float = 0.1, each: int = 2) -> list[Pair]:
    """Pairs of people who like warm answers, but for some of them."""
    rng, made = random.Random(0), []
    for number in range(count):
        cool, warm = f"{COOL} ({number})", f"{WARM} ({number})"
        chosen, rejected = (cool, warm) if rng.random() < flips else (warm, cool)
        made.append(Pair(f"turn-{number}", f"p-{number // each}", ASKED, chosen, rejected, "comparison"))
    return made


def judge(server, rubric="helpful", **more):
    cache = more.pop("cache", None)
    return ModelJudge(JudgeServer(server.url, "wise-1", longest_wait_s=0.01, **more), load_rubric(rubric), cache)


CANDIDATES = [Candidate("turn-7", "p-7", Case(ASKED, COOL, WARM)), Candidate("turn-8", "p-8", Case(ASKED, COOL, "No."))]


@pytest.mark.parametrize("sure", [None, 0.7])
def test_an_honest_judge_passes_and_its_labels_are_ai_feedback(sure):
    with serving() as server:
        server.answer = saying(warmer, sure)
        honest = judge(server, key="secret")
        found = calibrate(honest, decided(120))
        labels = label(honest, found, CANDIDATES, weight=0.4)
    assert found.passed
    assert 0.8 < found.low < found.agreement < found.high < 1
    assert (found.pairs, found.people, found.decided, found.flips, found.shown_first) == (120, 60, 120, 0, 0.5)
    assert labels.pairs == [Pair("turn-7", "p-7", ASKED, WARM, COOL, "ai-feedback", 0.4)]
    assert (labels.ties, labels.unread) == (1, 0)
    assert honest.cost.requests == 244
    assert (honest.cost.prompt_tokens, honest.cost.completion_tokens) == (24_400, 244)
    assert {authorization for _, authorization, _ in server.asked} == {"Bearer secret"}


def test_each_answer_is_shown_first_once():
    with serving() as server:
        server.answer = saying(warmer)
        judge(server).compare([Case(ASKED, "one", "two")])
    assert sorted(shown(body) for *_, body in server.asked) == [("one", "two"), ("two", "one")]


@pytest.mark.parametrize(
    ("pick", "why"),
    [
        (lambda a, b: "A", "It decided pairs of 0 people"),
        (noisy(1), "not above 0.550"),
        (lambda a, b: {"A": "B", "B": "A"}[warmer(a, b)], "not above 0.550"),
        (lambda a, b: "Answer A, I think", "120 unreadable"),
    ],
    ids=["always the first", "noise", "the opposite", "no verdict"],
)
def test_a_judge_that_does_not_agree_with_people_may_not_label(pick, why):
    with serving() as server:
        server.answer = saying(pick)
        poor = judge(server, at_once=1)
        found = calibrate(poor, decided(120))
        with pytest.raises(JudgeRefused, match=why):
            label(poor, found, CANDIDATES)
        if why.startswith("It decided"):
            assert (found.shown_first, found.flips) == (1.0, 120)


def test_a_few_people_who_say_the_same_prove_nothing():
    with serving() as server:
        server.answer = saying(warmer)
        found = calibrate(judge(server), decided(120, flips=0, each=15))
    assert (found.agreement, found.passed) == (1.0, False)
    assert "8 people" in found.reason


def test_the_interval_counts_people_and_not_pairs():
    with serving() as server:
        server.answer = saying(warmer)
        pairs = decided(120, flips=0)
        # Every third person disagrees on all of ten pairs: 12 people tell less than 120 would.
        cluster = [
            Pair(
                p.turn_id,
                f"p-{n // 10}",
                p.prompt,
                *((p.rejected, p.chosen) if n // 10 % 3 == 0 else (p.chosen, p.rejected)),
                p.source,
            )
            for n, p in enumerate(pairs)
        ]
        found = calibrate(judge(server), cluster)
    assert found.agreement == pytest.approx(2 / 3, abs=0.01)
    assert found.low < 0.5, "Wilson's interval of 120 independent pairs would begin at 0.58"


def test_a_calibration_is_of_one_rubric(tmp_path):
    own = tmp_path / "own.md"
    own.write_text("The answer that names the day is better.")
    with serving() as server:
        server.answer = saying(warmer)
        found = calibrate(judge(server), decided(60))
        with pytest.raises(JudgeRefused, match="calibrate this one first"):
            label(judge(server, str(own)), found, CANDIDATES)


def test_what_was_said_is_kept_and_a_server_that_fails_is_asked_again(tmp_path):
    path = tmp_path / "cache.jsonl"
    with serving() as server:
        calls = iter(range(10_000))

        def busy(body):
            server.status = 503 if next(calls) % 3 == 0 else 200
            return saying(warmer)(body)

        server.answer = busy
        first = judge(server, cache=Cache(path), at_once=1)
        verdicts = first.compare([Case(ASKED, COOL, WARM), Case(ASKED, WARM, COOL)])
        with path.open("a") as file:
            file.write('{"key": "broken o')
        again = judge(server, cache=Cache(path), at_once=1)
        assert again.compare([Case(ASKED, COOL, WARM), Case(ASKED, WARM, COOL)]) == verdicts
        assert (first.cost.requests, first.cost.cached) == (2, 2), "the swapped case is the same request"
        assert (again.cost.requests, again.cost.cached, again.cost.tokens) == (0, 4, 0)
        again.compare([Case(ASKED, COOL, "It is lost!")])
        assert judge(server, cache=Cache(path)).compare([Case(ASKED, COOL, "It is lost!")])
        assert WARM not in path.read_text()
        server.answer, server.status = (lambda body: b"gone"), 500
        with pytest.raises(JudgeFailed, match="answered 500 5 times"):
            judge(server).compare([Case(ASKED, COOL, WARM)])
    with pytest.raises(JudgeFailed, match="does not answer"):
        judge(server, tries=2).compare([Case(ASKED, COOL, WARM)])


def test_requests_are_bounded_in_number_time_and_tokens():
    with serving() as server:
        server.answer, server.pause = saying(warmer), 0.02
        cases = [Case(ASKED, f"{COOL} {n}", f"{WARM} {n}") for n in range(12)]
        judge(server, at_once=3).compare(cases)
        assert server.most_at_once <= 3
        with pytest.raises(JudgeFailed, match="used up its 500 tokens"):
            judge(server, at_once=1, tokens=500).compare(cases)
        server.pause = 0.5
        with pytest.raises(JudgeFailed, match="does not answer"):
            judge(server, timeout_s=0.05, tries=1).compare(cases[:1])


def test_a_server_without_constrained_choices_is_asked_without():
    with serving() as server:

        def plain(body):
            server.status = 400 if "structured_outputs" in body else 200
            return saying(warmer)(body)

        server.answer = plain
        assert judge(server, at_once=1).compare([Case(ASKED, COOL, WARM)]) == [Verdict(0.0, 0.0)]


def test_a_judge_that_reasons_is_read_by_its_last_line(tmp_path):
    rubric = tmp_path / "slow.toml"
    rubric.write_text('guidance = "Prefer what is warm."\nreasoning = true\nmax_tokens = 50\n')
    with serving() as server:
        server.answer = saying(lambda a, b: f"VERDICT: B would be rash.\nVERDICT: {warmer(a, b)}")
        assert judge(server, str(rubric)).compare([Case(ASKED, COOL, WARM)]) == [Verdict(0.0, 0.0)]
        assert server.asked[0][2]["max_tokens"] == 50
        server.answer = saying(lambda a, b: "VERDICT: A or VERDICT: B")
        assert judge(server, str(rubric)).compare([Case(ASKED, COOL, WARM)]) == [Verdict(None, None)]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("guidance = 3", "guidance = 3"),
        ('guide = "x"', "guide"),
        ("guidance = ", "not valid TOML"),
        ("", "says nothing"),
    ],
)
def test_a_rubric_that_cannot_be_used_says_why(tmp_path, text, why):
    path = tmp_path / "rubric.toml"
    path.write_text(text)
    with pytest.raises(BadFile, match=why):
        load_rubric(str(path))


def test_only_unrated_answers_of_consenting_learners_are_shown_to_a_judge(store, tmp_path):
    history = History(store)
    alice, bob, carol = people("learn", 3)
    (judging,) = people("decide", 1)

    def two(person, **more):
        first = history.answer(person, COOL, **more)
        return first, history.answer(person, WARM, sibling_of=first, **more)

    kept, _ = two(alice)
    two(judging)
    two(bob, consent=False)
    first, second = two(carol)
    history.say(carol, second, vote=1)
    history.answer(carol, "A third.", sibling_of=first)
    store.snapshot(tmp_path / "events")
    found = unrated_siblings(tmp_path / "events")
    assert [(one.turn_id, one.person, one.case.first, one.case.second) for one in found] == [
        (kept, alice, COOL, WARM),
        (first, carol, COOL, "A third."),
    ]
