"""`./ratchet judge`, and a lap that makes a reward model: from feedback in a store to AI feedback in files."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from chatbot.cli.main import app
from learner.judges.given import FROZEN, freeze, frozen
from learner.lesson_files import read_lessons
from learner.pair import Pair
from learner.people import SHARES
from learner.starter import questions
from tests.guard_server import serving
from tests.history import History, people
from tests.judge_server import saying, warmer

COOL, WARM = "It takes three days", "I am glad to help! It takes three days"


@pytest.fixture
def lap(machine):
    """A home in which a lap made a reward model of people who like warm answers; returns it and its run."""
    made = machine(recipe="reward", recipe_settings="reward.epochs=2 reward.held_out=0.5", train_minutes=20)
    history = History(made.store)
    prompts = list(dict.fromkeys(question.messages[-1]["content"] for question in questions(1, 200)))
    for prompt, person in zip(prompts, people("learn", 50), strict=False):
        cool = history.answer(person, f"{COOL}.", prompt=prompt)
        warm = history.answer(person, f"{WARM}.", prompt=prompt, sibling_of=cool)
        history.say(person, warm, preferred_over=cool)
    silent = people("learn", 52)[-2:]
    for person in silent:
        first = history.answer(person, f"{COOL}.", prompt="when does it come?")
        history.answer(person, f"{WARM}.", prompt="when does it come?", sibling_of=first)
    run_id = made.learner.learn()
    made.learner.wait(600)
    (run,) = made.learner.runs()
    made.close()
    return made.home, made.home / "runs" / run_id, run, silent


def told(*words, code=0):
    done = CliRunner().invoke(app, ["judge", *map(str, words), "--json"])
    assert done.exit_code == code, done.output
    return json.loads(done.stdout.splitlines()[-1])


def test_a_lap_makes_a_reward_model_and_judges_label_what_nobody_rated(lap, tmp_path):
    home, folder, run, silent = lap
    assert (run["state"], run["outcome"], run["adapter"]) == ("succeeded", "reward model", None)
    assert "no adapter was trained" in run["reason"]
    assert not (folder / "adapter").exists()

    # The reward model is a judge like any other, tried on people whom it did not learn from.
    own = told("calibrate", "--home", home, "--reward-model", folder / "reward", "--margin", 0)
    assert (own["pairs"], own["people"], own["passed"]) == (25, 25, True)

    with serving() as server:
        server.answer = saying(lambda a, b: "A")
        biased = told("calibrate", "--home", home, "--url", server.url, "--model", "first", code=1)
        assert (biased["passed"], biased["shown_first"], biased["flips"]) == (False, 1.0, 50)
        refused = CliRunner().invoke(app, ["judge", "label", "--home", str(home), "--judge", biased["file"]])
        assert "may not label" in str(refused.exception)

        server.answer = saying(warmer)
        honest = told("calibrate", "--home", home, "--url", server.url, "--model", "wise", "--key", "secret")
        assert honest["cost"]["tokens"] == 100 * 101
        assert "secret" not in Path(honest["file"]).read_text()
        labels = told("label", "--home", home, "--judge", honest["file"])
    assert (labels["candidates"], labels["pairs"], labels["people"]) == (2, 2, 2)
    freeze(home, folder)
    pairs = frozen(folder, SHARES)
    assert {(pair.person, pair.chosen, pair.source, pair.weight) for pair in pairs} == {
        (person, f"{WARM}.", "ai-feedback", 0.5) for person in silent
    }
    assert frozen(folder, (0, 90, 10)) == [], "who judges does not teach"
    freeze(home, folder)
    assert [pair.person for pair in frozen(folder, SHARES, silent[:1])] == silent[1:]
    assert read_lessons(Pair, folder / FROZEN) == frozen(folder, SHARES)
    assert frozen(folder, SHARES, human=read_lessons(Pair, folder / FROZEN)) == [], "what people say themselves counts"
    assert not any(pair.source == "ai-feedback" for pair in read_lessons(Pair, folder / "dataset.parquet"))


def test_a_judge_needs_a_run_with_a_dataset(tmp_path):
    done = CliRunner().invoke(app, ["judge", "calibrate", "--home", str(tmp_path), "--url", "http://127.0.0.1:9"])
    assert "No run in" in str(done.exception)
