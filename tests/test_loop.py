"""The whole loop with a real vLLM: promotions, rollbacks, experiments, and an end in the middle of it all."""

import signal

import psutil
import pytest

from learner import person_group, weights_sha256
from learner.starter import MODEL_DIR
from tests.machine import ONE, TWO
from tests.real_server import MERGING, ask, events, long_answer, ratchet, told, until

pytestmark = pytest.mark.engine
LONG = long_answer(400)


def test_a_promotion_moves_everybody_and_a_rollback_moves_them_back_without_dropping_a_stream(server):
    sha256 = weights_sha256(server.home / "adapters" / ONE)
    with server.client("operator") as operator, server.client() as guest, server.client() as reader:
        base = ask(guest, "hello")["ratchet"]["weights_sha256"]
        assert base == weights_sha256(MODEL_DIR) != sha256
        refused = operator.post("/v1/promote", json={"adapter": ONE})
        assert (refused.status_code, "has not won" in refused.json()["error"]["message"]) == (409, True)
        promoted = operator.post("/v1/promote", json={"adapter": ONE, "override": "a test"})
        assert promoted.json() == {"champion": ONE}
        assert operator.get("/v1/status").json()["champion"] == ONE
        answer = ask(guest, "hello")
        assert (answer["model"], answer["ratchet"]["weights_sha256"]) == (ONE, sha256)
        sent = {"messages": [{"role": "user", "content": "hello"}], "stream": True, **LONG}
        sent["stream_options"] = {"include_usage": True}
        with reader.stream("POST", "/v1/chat/completions", json=sent) as response:
            chunks = events(response)
            first = [next(chunks) for _ in range(3)]
            done = operator.post("/v1/rollback").json()
            assert ask(guest, "hello")["ratchet"]["weights_sha256"] == base
            rest = list(chunks)
    assert done["champion"] == "base"
    assert done["seconds"] < 1
    assert first[0]["ratchet"]["weights_sha256"] == rest[-2]["ratchet"]["weights_sha256"] == sha256
    assert rest[-1]["usage"]["completion_tokens"] == LONG["max_tokens"]


def test_the_weights_that_are_named_are_the_weights_that_answer(server):
    with server.client("operator") as operator:
        answers = {
            name: ask(operator, "how long is delivery?", model=name, temperature=0, max_tokens=40)
            for name in ("base", ONE, TWO)
        }
    texts = {name: answer["choices"][0]["message"]["content"] for name, answer in answers.items()}
    assert texts[TWO] != texts["base"], "an adapter with large weights cannot say the same"
    assert len({answer["ratchet"]["weights_sha256"] for answer in answers.values()}) == 3


def test_the_command_line_promotes_and_rolls_back_step_by_step(server):
    home = ("--home", str(server.home), "--json")
    for name in (ONE, TWO):
        assert told(ratchet("promote", name, "--override", "a test", *home)) == {"champion": name}
    for name in (ONE, "base"):
        back = told(ratchet("rollback", *home))
        assert (back["champion"], back["seconds"] < 1) == (name, True)
    over = ratchet("rollback", *home)
    assert (over.returncode, over.stdout) == (1, "")
    assert "base was the first champion; there is nothing before it to roll back to." in over.stderr


def group_of(operator, name: str) -> str:
    """To which group the server has put somebody whom it meets for the first time."""
    answer = ask(operator, "hello", user=name, max_tokens=1)
    (turn,) = operator.get(f"/v1/reviews/{answer['id']}").json()["turns"]
    return person_group(turn["person"])


def test_the_copy_of_the_base_is_an_arm_with_another_name_and_the_same_weights(server):
    crowd = [f"member-{number}" for number in range(60)]
    with server.client("operator") as operator:
        groups = {name: group_of(operator, name) for name in crowd}
        judges = [name for name, group in groups.items() if group == "decide"][:12]
        other = next(name for name, group in groups.items() if group == "learn")
        experiment_id = operator.post("/v1/experiments", json={"null": True}).json()["experiment_id"]
        again = operator.post("/v1/experiments", json={"null": True})
        answers = {name: ask(operator, "hello", user=name, max_tokens=4) for name in judges}
        sticky = {name: ask(operator, "hello again", user=name, max_tokens=4)["ratchet"]["arm"] for name in judges}
        turns = [operator.get(f"/v1/reviews/{answer['id']}").json()["turns"][0] for answer in answers.values()]
        outside = ask(operator, "hello", user=other)["ratchet"]
        state = operator.get("/v1/status").json()
        refused = operator.post("/v1/promote", json={})
        operator.post("/v1/experiments/stop", json={})
        after = ask(operator, "hello", user=judges[0])["ratchet"]
    served = {name: answer["ratchet"] for name, answer in answers.items()}
    assert again.status_code == 409
    assert (state["champion"], state["challenger"]) == ("base", "starter-copy@1")
    assert state["experiment"]["experiment_id"] == experiment_id
    assert {(route["arm"], route["adapter"]) for route in served.values()} == {
        ("champion", "base"),
        ("challenger", "starter-copy@1"),
    }
    assert len({route["weights_sha256"] for route in served.values()}) == 1
    assert all(turn["propensity"] == 0.5 and turn["logprob"] < 0 for turn in turns)
    assert sticky == {name: route["arm"] for name, route in served.items()}
    assert (outside["adapter"], outside["experiment_id"]) == ("base", None)
    assert refused.status_code == 409, "votes of nobody prove nothing"
    assert (after["adapter"], after["experiment_id"]) == ("base", None)


def test_a_drill_under_streams_loses_none_and_leaves_the_champion_that_was_there(server):
    home = ("--home", str(server.home), "--json")
    told(ratchet("promote", ONE, "--override", "a test", *home))
    found = told(ratchet("drill", "rollback", "--streams", "16", "--tokens", "60", *home))
    assert (found["state"], found["champion"]) == ("passed", ONE)
    assert found["detail"]["rollback"] | {"flip_ms": 0, "asked_ms": 0, "turn_ms": 0} == {
        "flip_ms": 0, "asked_ms": 0, "turn_ms": 0, "streams": 16, "dropped": 0, "short": 0, "turns": 8, "wrong": 0,
    }  # fmt: skip
    assert told(ratchet("status", *home))["champion"] == ONE
    told(ratchet("rollback", *home))


def test_an_engine_that_dies_comes_back_with_what_is_live_and_leaves_nothing_behind(server):
    with server.client("operator") as operator, server.client() as guest:
        operator.post("/v1/promote", json={"adapter": ONE, "override": "a test"})
        children = psutil.Process(server.process.pid).children()
        (keeper,) = (child for child in children if "chatbot.keeper" in child.cmdline())
        engine = keeper.children(recursive=True)
        engine[0].kill()
        until(lambda: not server.ready())
        refused = guest.post("/v1/chat/completions", json={"messages": [{"role": "user", "content": "hello"}]})
        assert (refused.status_code, refused.json()["error"]["type"]) == (503, "unavailable_error")
        _, alive = psutil.wait_procs([keeper, *engine], timeout=20)
        assert [process for process in alive if process.status() != psutil.STATUS_ZOMBIE] == []
        until(server.ready, 180)
        assert ask(guest, "hello")["ratchet"]["adapter"] == ONE
        operator.post("/v1/rollback")


def test_a_server_that_is_killed_in_mid_answer_and_mid_lap_has_kept_its_word(server):
    with server.client("operator") as operator, server.client() as guest:
        rated = ask(guest, "hello")
        voted = guest.post("/v1/feedback", json={"response_id": rated["id"], "vote": 1, "consent_to_train": True})
        run_id = operator.post("/v1/runs").json()["run_id"]
        until(lambda: operator.get(f"/v1/runs/{run_id}").json()["phase"] == "train", 120)
        sent = {"messages": [{"role": "user", "content": "tell me all"}], "stream": True, **LONG}
        with guest.stream("POST", "/v1/chat/completions", json=sent) as response:
            stream = events(response)  # one that nobody holds hangs up
            begun = next(stream)
            code, left = server.end(signal.SIGKILL)
    assert voted.status_code == 201
    assert (code, left) == (-signal.SIGKILL, [])

    half = server.home / "adapters" / "starter@99"
    half.mkdir()
    server.start(*MERGING)  # for tests/test_merged_engine.py, which would have to start it again
    assert not half.exists()
    with server.client("operator") as operator:
        run = operator.get(f"/v1/runs/{run_id}").json()
        exported = operator.get("/v1/export", params={"what": "thumbs"}).text
        (turn,) = operator.get(f"/v1/reviews/{begun['id']}").json()["turns"]
        assert ask(operator, "hello")["ratchet"]["adapter"] == "base"
    assert (run["state"], run["reason"]) == ("abandoned", "The server stopped while this lap was running.")
    assert rated["id"] in exported
    assert turn["messages"][-1]["content"] == "tell me all"
    assert turn["completion"] is None, "an answer that was cut off is shown as interrupted"
