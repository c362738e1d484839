"""The benchmark of the gateway: its fake engine and its load agree, and its figures are what they say."""

import itertools
import json

import httpx
import pytest
from typer.testing import CliRunner

from benchmarks.gateway.figures import Overhead, Throughput, assemble, latency, percentiles, tokens_per_s
from benchmarks.gateway.load import Answer, Seen, arrivals
from benchmarks.gateway.processes import BenchmarkFailed, put_load, running, until_ready
from benchmarks.gateway.prompts import bodies
from benchmarks.gateway.search import HIGHEST, Search
from benchmarks.gateway.targets import fake
from chatbot.cli.main import app

TOKEN_MS, TOKENS = 2.0, 21


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    with fake(tmp_path_factory.mktemp("fake"), TOKEN_MS, stream_interval=4) as target:
        yield target


def test_many_streams_at_once_are_all_counted_and_timed(engine):
    seen = put_load(engine, bodies=bodies(engine.model, TOKENS, 0, 5), streams=8, each=3, limit_seconds=20)
    assert [(answer.trouble, answer.tokens) for answer in seen.answers] == [("", TOKENS)] * 24
    # Neither the first token nor the last may come before the fake engine said it.
    # Timers count whole milliseconds, so each may be one early.
    assert all(answer.ttft_ms >= TOKEN_MS - 1 and answer.total_ms >= TOKENS * TOKEN_MS - 1 for answer in seen.answers)
    assert min(answer.ttft_ms for answer in seen.answers) < TOKENS * TOKEN_MS / 2
    assert seen.seconds >= 3 * TOKENS * TOKEN_MS / 1000
    assert tokens_per_s(seen) == pytest.approx(24 * TOKENS / seen.seconds)
    assert engine.cpu_seconds() > 0


def test_arrivals_come_as_drawn_and_what_fails_is_told(engine):
    job = {"rate": 100.0, "seconds": 0.5, "seed": 7, "limit_seconds": 20}
    seen = put_load(engine, bodies=bodies(engine.model, TOKENS, 0, 5), **job)
    assert len(seen.answers) == len(list(arrivals(100.0, 0.5, 7))) > 20
    assert not any(answer.trouble for answer in seen.answers)
    assert all("status 500" in one.trouble for one in put_load(engine, bodies=[{"max_tokens": "x"}], **job).answers)
    late = put_load(engine, bodies=bodies(engine.model, 4000, 0, 1), streams=2, limit_seconds=0.5)
    assert [one.trouble for one in late.answers] == ["it was not answered in time"] * 2


def test_fake_engine_speaks_as_vllm_does(engine):
    asked = {"model": engine.model, "messages": [], "max_tokens": 6}
    with httpx.Client(base_url=engine.url, trust_env=False) as client:
        assert client.get("/v1/models").json()["data"][0]["id"] == "base"
        assert client.post("/v1/load_lora_adapter", json={}).status_code == 200
        whole = client.post("/v1/chat/completions", json=asked).json()
        more = {"stream": True, "stream_options": {"include_usage": True}}
        lines = client.post("/v1/chat/completions", json=asked | more).text.split("\n\n")
    events = [json.loads(line.removeprefix("data: ")) for line in lines[:-2]]
    assert lines[-2:] == ["data: [DONE]", ""]
    assert events[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    said = [event["choices"][0]["delta"]["content"] for event in events[1:-1]]
    assert [len(piece.split()) for piece in said] == [1, 2, 2, 1]
    assert "".join(said) == whole["choices"][0]["message"]["content"]
    assert [event["choices"][0]["finish_reason"] for event in events[:-1]] == [None, None, None, None, "length"]
    assert events[-1]["choices"] == []
    assert events[-1]["usage"] == whole["usage"]
    assert whole["usage"]["completion_tokens"] == 6


def test_process_that_ends_at_once_is_told_with_its_last_words(tmp_path):
    log = tmp_path / "log"
    with (
        running(["sh", "-c", "echo no bread today; exit 3"], {}, log) as process,
        pytest.raises(BenchmarkFailed) as told,
    ):
        until_ready(process, "http://127.0.0.1:9/", 10, log)
    assert "no bread today" in str(told.value)


def test_percentiles_and_latency():
    assert percentiles([float(n) for n in range(101)]) == {"p50": 50.0, "p95": 95.0, "p99": 99.0}
    seen = latency([Answer(10.0, 100.0, 10), Answer(30.0, 200.0, 10)])
    assert (seen.ttft_ms["p50"], seen.total_ms["p50"], seen.token_us) == (20.0, 150.0, 15_000.0)
    assert tokens_per_s(Seen((Answer(1, 2, 10), Answer(trouble="broke off")), 2.0)) == 5.0


@pytest.mark.parametrize("limit", [3, 39, 41, 100, 777])
def test_search_finds_the_highest_rate(limit):
    search, tried = Search(), 0
    while search.next is not None:
        search.told(search.next <= limit)
        tried += 1
    assert limit / 1.08 <= search.held <= limit
    assert tried < 15


def test_search_ends_where_everything_or_nothing_is_held():
    for held in (True, False):
        search = Search()
        for _ in itertools.takewhile(lambda _, search=search: search.next is not None, range(20)):
            search.told(held)
        assert search.next is None
        assert search.held == (HIGHEST if held else 0)


def test_object_has_medians_differences_and_goals():
    throughput = Throughput(vllm_defaults=[70.0, 90.0, 80.0])
    for direct, ratchet, litellm in ((100, 80, 40), (200, 190, 60), (110, 99, 50)):
        for name, rate in (("direct", direct), ("ratchet", ratchet), ("litellm", litellm)):
            throughput.add(64, name, float(rate))
        throughput.add(8, "direct", 10.0)
    overhead = Overhead(10.0, max_rps={"direct": 900.0, "ratchet": 150.0, "litellm": 50.0})
    for name, extra in (("direct", 0.0), ("ratchet", 4.0), ("litellm", 9.0)):
        overhead.latency[name] = latency([Answer(10 + extra, 640 + 2 * extra, 64)])
    result = json.loads(json.dumps(assemble(overhead, throughput)))
    assert result["streams"] == {
        "8": {"direct": 10.0, "ratchet": None, "ratchet_defaults": None, "litellm": None},
        "64": {"direct": 110.0, "ratchet": 99.0, "ratchet_defaults": None, "litellm": 50.0},
    }
    assert result["ratio"] == 0.9  # of the third round; the medians of the others would make less
    assert result["added_ttft_ms"] == {"p50": 4.0, "p95": 4.0, "p99": 4.0}
    assert result["added_token_us"] == 125.0
    assert result["max_rps"] == {"ratchet": 150.0, "ratchet_defaults": None, "litellm": 50.0}
    assert (result["ratchet_defaults_ratio"], result["litellm_ratio"]) == (None, 0.4)
    assert result["vllm_defaults"] == 80.0
    assert {name: (goal["value"], goal["met"]) for name, goal in result["goals"].items()} == {
        "ratio": (0.9, True),
        "vllm_defaults": (1.238, True),
        "added_ttft_p99_ms": (4.0, True),
        "max_rps": (3.0, True),
    }


def test_what_was_not_measured_is_null():
    result = assemble(Overhead(10.0), Throughput())
    assert {"streams", "ratio", "added_ttft_ms", "added_token_us", "max_rps"} <= result.keys()
    assert result["added_ttft_ms"] == {"p50": None, "p95": None, "p99": None}
    assert [goal["met"] for goal in result["goals"].values()] == [None] * 4


def test_command_line_lists_it():
    done = CliRunner().invoke(app, ["bench"])
    assert "gateway, leaderboard" in done.output
