"""The scorer's process: what it answers, and that its death in the middle of a stream never lets a text through."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time

import httpx
import psutil
import pytest

from safety import Context, Decision, Policy, ScorerFailed, Screen
from safety.scorer import ScorerClient, ScorerOptions
from safety.scorer.frames import Frames, framed
from tests.pages_server import running
from tests.real_server import ratchet

OUTPUT = Context("output")
POLICY = """
[filters.toxicity.labels]
insult = { category = "harassment", output = { block = 0.9 }, input = { block = 0.9 } }
"""


@pytest.fixture
def scorer(tmp_path):
    made = []

    def make(classifier="Words", **given) -> ScorerClient:
        options = ScorerOptions(str(tmp_path), classifier=f"tests.scorer_fakes:{classifier}")
        made.append(ScorerClient(options, **given))
        return made[-1]

    yield make
    for client in made:
        client.close()


def kill(client: ScorerClient) -> int:
    pid = client.status().pid
    os.kill(pid, signal.SIGKILL)
    return pid


def until(true, seconds=10.0):
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.005)
    assert true()


async def test_it_scores_from_loops_and_threads_and_knows_a_text_again(scorer):
    client = scorer()
    first = await client.scores_async("bundled", ["an insult", "fine", "an insult"])
    assert [scores["insult"] for scores in first] == [0.99, 0.01, 0.99]
    again = await asyncio.to_thread(client.scores, "bundled", ["fine"])
    status = client.status()
    assert (again, status.hits, status.misses) == ([first[1]], 1, 2)
    assert (status.model, client.version("bundled"), client.version("detoxify")) == ("bundled", "words 1", "")


async def test_many_at_once_each_get_their_own_scores_while_a_slow_one_is_scored(scorer):
    client = scorer()
    texts = [f"{'insult' if number % 3 else 'calm'} {number}" for number in range(300)]
    slow = asyncio.create_task(client.scores_async("bundled", ["slowly"]))
    scored = await asyncio.gather(*(client.scores_async("bundled", [text]) for text in texts))
    assert [scores["insult"] > 0.5 for [scores] in scored] == ["insult" in text for text in texts]
    assert (await slow)[0]["insult"] == 0.01


async def test_a_model_that_is_not_there_and_one_that_raises_fail_and_the_next_call_works(scorer):
    client = scorer()
    with pytest.raises(ScorerFailed, match="no model 'other'"):
        await client.scores_async("other", ["a"])
    with pytest.raises(ScorerFailed, match="it is sick"):
        await asyncio.to_thread(client.scores, "bundled", ["sick"])
    assert len(await client.scores_async("bundled", ["a"])) == 1


def test_the_socket_is_for_its_user_alone_and_lies_in_a_temporary_folder_where_the_home_is_too_deep(tmp_path):
    for home in (tmp_path, tmp_path / ("deep" * 20)):
        client = ScorerClient(ScorerOptions(str(home), classifier="tests.scorer_fakes:Words"))
        assert len(client.scores("bundled", ["a"])) == 1
        path = client._child.path
        assert (path.stat().st_mode & 0o777, len(str(path)) <= 100) == (0o600, True)
        client.close()
        assert not path.exists()
    assert not path.parent.exists()


@pytest.mark.parametrize("where", ["loop", "thread"])
async def test_what_a_killed_scorer_was_asked_is_asked_again_of_the_next(scorer, where):
    client = scorer(timeout_s=10.0)
    await asyncio.to_thread(client.wait, 10)
    asked = client.scores_async if where == "loop" else lambda *a: asyncio.to_thread(client.scores, *a)
    task = asyncio.create_task(asked("bundled", ["slowly insult"]))
    await asyncio.sleep(0.1)
    killed = kill(client)
    assert (await task)[0]["insult"] == 0.99
    assert (client.status().restarts, client.status().pid != killed) == (1, True)


async def test_what_kills_the_next_one_as_well_fails(scorer):
    client = scorer(timeout_s=10.0)
    await asyncio.to_thread(client.wait, 10)
    task = asyncio.create_task(client.scores_async("bundled", ["slowly"]))
    for _ in range(2):
        await asyncio.sleep(0.1)
        await asyncio.to_thread(until, lambda: client.ready)
        await asyncio.sleep(0.1)
        kill(client)
    with pytest.raises(ScorerFailed, match="died"):
        await task


async def test_one_that_stands_still_is_replaced(scorer, monkeypatch):
    monkeypatch.setattr("safety.scorer.child.PING_SECONDS", 0.1)
    client = scorer(timeout_s=10.0)
    await client.scores_async("bundled", ["a"])
    stopped = client.status().pid
    os.kill(stopped, signal.SIGSTOP)
    monkeypatch.setattr("safety.scorer.child.STOP_SECONDS", 0.1)
    assert (await client.scores_async("bundled", ["insult"]))[0]["insult"] == 0.99
    assert not psutil.pid_exists(stopped)


def test_it_ends_with_whoever_started_it(tmp_path):
    program = """
import sys, time
from safety.scorer import ScorerClient, ScorerOptions
client = ScorerClient(ScorerOptions(sys.argv[1], classifier="tests.scorer_fakes:Words"))
client.start(); client.wait(10); print(client.status().pid, flush=True); time.sleep(60)
"""
    words = [sys.executable, "-c", program, str(tmp_path)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as parent:
        pid = int(parent.stdout.readline())
        assert psutil.pid_exists(pid)
        parent.kill()
    until(lambda: not psutil.pid_exists(pid))


async def test_one_that_cannot_start_is_told_and_blocks(scorer, tmp_path):
    client = scorer("Broken")
    screened = await Screen.from_policy(Policy.parse(POLICY), client).check("hello", OUTPUT)
    assert (screened.decision, screened.decisive.failed, client.ready) == (Decision.BLOCK, True, False)
    assert "scorer.log" in client.status().told
    assert "the weights are gone" in (tmp_path / "scorer.log").read_text()


async def stream(client: ScorerClient, words, kill_at: int) -> tuple[str, bool, bool]:
    """What is shown of an answer during which the scorer is killed, whether it was stopped, and by a failure."""
    screening = Screen.from_policy(Policy.parse(POLICY), client).stream(OUTPUT)
    shown = []
    for at, word in enumerate(words):
        if at == kill_at:
            kill(client)
        shown.append(await screening.feed(f"{word} "))
    shown.append(await screening.finish())
    stopped = screening.blocked
    return "".join(shown), stopped is not None, stopped is not None and stopped.failed


async def test_a_stream_goes_on_when_the_scorer_is_killed_and_still_stops_where_it_must(scorer):
    client = scorer()
    await asyncio.to_thread(client.wait, 10)
    fine = [f"word{number}" for number in range(80)]
    assert await stream(client, fine, 40) == (" ".join(fine) + " ", False, False)
    bad = [*fine, "an", "insult", *fine]
    shown, stopped, failed = await stream(client, bad, 75)
    assert (stopped, failed, "insult" in shown) == (True, False, False)
    assert client.status().restarts == 2


async def test_a_stream_is_stopped_when_no_scorer_comes_back_in_time(scorer, monkeypatch):
    monkeypatch.setattr("safety.scorer.child.RESTART_SECONDS", (60.0,))
    client = scorer()
    await asyncio.to_thread(client.wait, 10)
    words = [f"word{number}" for number in range(80)]
    shown, stopped, failed = await stream(client, words, 40)
    assert (stopped, failed) == (True, True)
    assert " ".join(words).startswith(shown.strip())
    assert 0 < len(shown.split()) <= 40


def test_a_page_of_the_server_is_answered_while_the_scorer_is_killed_and_blocked_while_there_is_none(
    tmp_path, monkeypatch
):
    (tmp_path / "policy.toml").write_text(POLICY)
    options = ScorerOptions(str(tmp_path), classifier="tests.scorer_fakes:Words")
    client = ScorerClient(options)
    with running(tmp_path, scorer=client) as served, httpx.Client(base_url=served.url, timeout=30) as http:
        until(lambda: http.get("/readyz").status_code == 200)
        assert "words 1" in http.get("/healthz").json()["classifier"]
        killer = threading.Timer(0.1, kill, [client])
        killer.start()
        assert "link to follow your parcel" in said(http, "How long does delivery take?")
        killer.join()
        assert client.status().restarts == 1
        monkeypatch.setattr("safety.scorer.child.RESTART_SECONDS", (60.0,))
        kill(client)
        until(lambda: client.status().pid == 0)
        assert http.get("/readyz").status_code == 503
        assert "parcel" not in said(http, "And where is it?")


def test_a_policy_of_the_home_is_in_force_and_a_bad_one_is_told(tmp_path):
    (tmp_path / "policy.toml").write_text(POLICY)
    done = ratchet("screen", "an idiot", "--output", "--json", "--home", str(tmp_path))
    assert [verdict["filter_id"] for verdict in json.loads(done.stdout)["verdicts"]] == ["toxicity"]
    shown = ratchet("screen", "policy", "--home", str(tmp_path)).stdout
    assert shown == f"# From {tmp_path / 'policy.toml'}\n{POLICY}"
    (tmp_path / "policy.toml").write_text(POLICY.replace("block", "stop"))
    for words in (("screen", "policy"), ("up", "--port", "0")):
        refused = ratchet(*words, "--home", str(tmp_path))
        assert (refused.returncode, len(refused.stderr.splitlines())) == (1, 1)
        assert f"In the policy {tmp_path / 'policy.toml'}: filters.toxicity" in refused.stderr
        assert "the action 'stop'" in refused.stderr


def said(http: httpx.Client, text: str) -> str:
    body = {"messages": [{"role": "user", "content": text}], "stream": True}
    return http.post("/v1/chat/completions", json=body).text


def test_frames_come_whole_however_they_are_cut():
    frames, data = Frames(), framed([1, "a"]) + framed([2, "é" * 500])
    assert [message for at in range(len(data)) for message in frames.feed(data[at : at + 1])] == [
        [1, "a"],
        [2, "é" * 500],
    ]
