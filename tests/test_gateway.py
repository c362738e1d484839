"""Chat completions beyond the simple case: choices, log-probabilities, tools, budgets, and what those who watch see."""

import asyncio
import json
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import ClassVar

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from analytics.pairs import pairs_sql
from chatbot.app import create_app
from chatbot.engine import Engine
from chatbot.engine_flags import command, environment
from chatbot.engine_stream import Events, Piece
from chatbot.engines import Engines
from chatbot.limits import Budget, Limits
from chatbot.settings import Settings
from chatbot.tracing import Tracing
from chatbot.turn import Turns

CARD = "4111 1111 1111 1111"
ASK = {"messages": [{"role": "user", "content": "hello"}]}
SHARES = {"groups": (60, 30, 10), "sibling_temperature": 1.0, "logprob_share": 0.0}


class Scripted:
    """An engine that says these pieces, and remembers what it was asked and whether it was stopped."""

    ready, trouble = True, ""

    def __init__(self, *pieces: Piece, pause: float = 0.0) -> None:
        self.pieces, self.pause = pieces, pause
        self.asked: list[dict] = []
        self.running = 0

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    async def requests(self) -> dict[str, float]:
        return {"running": self.running}

    async def stream(self, served_name, messages, parameters):
        self.asked.append({**parameters, "messages": messages})
        self.running += 1
        try:
            for piece in self.pieces:
                await asyncio.sleep(self.pause)
                yield piece
        finally:
            self.running -= 1


def token(text: str) -> dict:
    return {"token": text, "logprob": -0.5, "bytes": list(text.encode()), "top_logprobs": []}


def spoken(*words: str) -> list[Piece]:
    usage = {"prompt_tokens": 3, "completion_tokens": len(words), "total_tokens": 3 + len(words)}
    return [*(Piece(word, logprob=-0.5, tokens=[token(word)]) for word in words), Piece("", "stop", usage)]


@pytest.fixture
def serve(house):
    """A client of a server around this engine; settings by name."""

    def make(engine: Scripted | Engine, tracing: Tracing | None = None, **settings: object) -> httpx.AsyncClient:
        traced = tracing or Tracing()
        turns = Turns(house.store, house.screen, engine, house.learner, house.metrics, traced, **SHARES)
        values = Settings({**house.settings.values, **settings})
        engines = Engines(engine)
        app = create_app(replace(house, turns=turns, settings=values, engine=engine, engines=engines, tracing=traced))
        transport = httpx.ASGITransport(app, client=("127.0.0.1", 1))
        return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1")

    return make


async def ask(client: httpx.AsyncClient, **more: object) -> httpx.Response:
    return await client.post("/v1/chat/completions", json={**ASK, **more})


def chunks(response: httpx.Response) -> list[dict]:
    lines = [line[6:] for line in response.text.splitlines() if line.startswith("data: ")]
    assert lines.pop() == "[DONE]"
    return [json.loads(line) for line in lines]


async def test_several_choices_are_turns_of_their_own_which_can_be_rated_and_compared(serve, house):
    engine = Scripted(*spoken("Hello", " there."))
    client = serve(engine)
    reply = (await ask(client, n=3, seed=7, temperature=0.3)).json()
    assert [(c["index"], c["message"]["content"]) for c in reply["choices"]] == [(n, "Hello there.") for n in range(3)]
    assert reply["usage"] == {"prompt_tokens": 3, "completion_tokens": 6, "total_tokens": 9}
    first, second, third = reply["ratchet"]["response_ids"]
    assert reply["id"] == first
    assert sorted(asked["seed"] for asked in engine.asked) == [7, 8, 9]
    assert {asked["temperature"] for asked in engine.asked} == {0.3}
    better = {"response_id": third, "preferred_over": second}
    assert (await client.post("/v1/feedback", json=better)).status_code == 201

    streamed = chunks(await ask(client, n=2, stream=True, stream_options={"include_usage": True}))
    for index in range(2):
        mine = [c["choices"][0] for c in streamed if c["choices"] and c["choices"][0]["index"] == index]
        assert "".join(choice["delta"].get("content", "") for choice in mine) == "Hello there."
        assert mine[-1]["finish_reason"] == "stop"
    assert streamed[-1]["usage"]["completion_tokens"] == 4
    assert len({chunk["id"] for chunk in streamed}) == 1


async def test_log_probabilities_come_with_the_text_they_belong_to_and_never_with_text_that_is_taken_out(serve):
    words = ["So", " it", " is", " 4111", " 1111", " 1111", " 1111", ",", " sir."]
    client = serve(Scripted(*spoken(*words)))
    reply = (await ask(client, logprobs=True)).json()["choices"][0]
    assert reply["message"]["content"] == "So it is [card number], sir."
    assert [entry["token"] for entry in reply["logprobs"]["content"]] == ["So", " it", " is"]
    assert "1111" not in json.dumps(reply)

    for chunk in chunks(await ask(serve(Scripted(*spoken("Hé", "llo", " the", "re"))), stream=True, logprobs=True)):
        choice = chunk["choices"][0]
        tokens = (choice["logprobs"] or {"content": []})["content"]
        assert "".join(entry["token"] for entry in tokens) == choice["delta"].get("content", "")


async def test_nobody_who_did_not_ask_is_sent_log_probabilities(serve, house):
    client = serve(Scripted(*spoken("Hello")))
    assert (await ask(client)).json()["choices"][0]["logprobs"] is None
    assert house.store.rows("SELECT logprob FROM reply") == [{"logprob": -0.5}]


CALL = {"index": 0, "id": "call-1", "type": "function", "function": {"name": "look_up", "arguments": '{"or'}}
REST = {"index": 0, "function": {"arguments": 'der": 7}'}}


@pytest.mark.parametrize("stream", [True, False])
async def test_a_call_of_a_tool_is_passed_on_and_kept_and_its_result_is_answered(serve, house, stream):
    engine = Scripted(Piece(tool_calls=[CALL]), Piece(tool_calls=[REST]), Piece("", "tool_calls"))
    tools = [{"type": "function", "function": {"name": "look_up", "parameters": {"type": "object"}}}]
    response = await ask(serve(engine), tools=tools, stream=stream)
    if stream:
        choices = [chunk["choices"][0] for chunk in chunks(response)]
        (call,) = next(c["delta"]["tool_calls"] for c in choices if "tool_calls" in c["delta"])
        assert call.pop("index") == 0
        reason = choices[-1]["finish_reason"]
    else:
        (choice,) = response.json()["choices"]
        assert choice["message"]["content"] is None
        (call,), reason = choice["message"]["tool_calls"], choice["finish_reason"]
    assert call == {"id": "call-1", "type": "function", "function": {"name": "look_up", "arguments": '{"order": 7}'}}
    assert (reason, engine.asked[0]["tools"]) == ("tool_calls", tools)
    assert house.store.rows("SELECT tool_calls FROM reply") == [{"tool_calls": [call]}]

    then = [
        *ASK["messages"],
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call-1", "content": "on its way"},
    ]
    after = Scripted(*spoken("It is on its way."))
    client = serve(after)
    answers = [(await ask(client, messages=messages)).json()["id"] for messages in (then, ASK["messages"])]
    for answer in answers:
        better = {"response_id": answer, "rewrite": "It comes today.", "consent_to_train": True}
        assert (await client.post("/v1/feedback", json=better)).status_code == 201
    pairs = house.store.rows(f"SELECT turn_id FROM ({pairs_sql(str)})", {"without": []})
    assert [pair["turn_id"] for pair in pairs] == answers[1:], "nothing is learned from an answer about a tool's result"
    assert after.asked[0]["messages"][1:] == [{**then[1], "content": ""}, then[2]]


async def test_a_tool_is_not_told_what_the_screen_takes_out_or_stops(serve, house):
    def calling(argument: str) -> Scripted:
        function = {"name": "pay", "arguments": json.dumps({"with": argument})}
        return Scripted(Piece(tool_calls=[{"index": 0, "id": "call-1", "function": function}]), Piece("", "tool_calls"))

    (choice,) = (await ask(serve(calling(CARD)))).json()["choices"]
    assert choice["message"]["tool_calls"][0]["function"]["arguments"] == '{"with": "[card number]"}'
    (choice,) = (await ask(serve(calling("child porn")))).json()["choices"]
    assert "tool_calls" not in choice["message"]
    assert choice["finish_reason"] == "content_filter"
    assert len(house.store.rows("SELECT * FROM flag")) == 1


@pytest.mark.parametrize("stream", [True, False])
async def test_who_leaves_frees_the_engine_at_once_and_what_they_saw_is_kept(serve, house, stream):
    engine = Scripted(*spoken(*["word "] * 1000), pause=0.005)
    app = serve(engine)._transport.app
    body, left, shown = json.dumps({**ASK, "stream": stream}).encode(), asyncio.Event(), []
    received = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> dict:
        if received:
            return received.pop()
        await left.wait()
        return {"type": "http.disconnect"}

    async def send(message: dict) -> None:
        shown.append(message)

    scope = {
        "type": "http", "method": "POST", "path": "/v1/chat/completions", "raw_path": b"/v1/chat/completions",
        "query_string": b"", "headers": [(b"content-type", b"application/json"), (b"host", b"127.0.0.1")],
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80), "scheme": "http", "http_version": "1.1",
        "root_path": "", "asgi": {"version": "3.0"}, "state": {},
    }  # fmt: skip
    serving = asyncio.create_task(app(scope, receive, send))
    await asyncio.sleep(0.1)
    assert engine.running == 1
    left.set()
    await asyncio.wait_for(serving, 1)
    assert engine.running == 0
    await house.store.append_async(house.store.audit("test", "test", {}))
    (reply,) = house.store.rows("SELECT completion, finish_reason FROM reply")
    assert reply["finish_reason"] == "cancelled"
    assert reply["completion"].startswith("word ")
    if stream:
        sent = "".join(message.get("body", b"").decode() for message in shown)
        assert reply["completion"].count("word") == sent.count("word")


async def test_a_budget_that_is_used_up_says_when_to_come_back(serve):
    client = serve(Scripted(*spoken("Hello")), requests_per_minute=2)
    assert [(await ask(client)).status_code for _ in range(2)] == [200, 200]
    refused = await ask(client)
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "rate_limit_exceeded")
    assert 1 <= int(refused.headers["retry-after"]) <= 30
    somebody_else = serve(Scripted(*spoken("Hello")), requests_per_minute=2)
    assert (await ask(somebody_else)).status_code == 200

    spender = serve(Scripted(*spoken("Hello", " there")), tokens_per_day=8)
    assert [(await ask(spender)).status_code for _ in range(3)] == [200, 200, 429]


def test_a_budget_comes_back_evenly():
    now = [0.0]
    limits, budget = Limits(lambda: now[0]), Budget(requests_per_minute=60)

    def admitted(times: int) -> int:
        count = 0
        for _ in range(times):
            try:
                limits.admit("somebody", budget)
                count += 1
            except Exception:
                break
        return count

    assert admitted(100) == 60
    now[0] += 10.5
    assert admitted(100) == 10
    now[0] += 3600
    assert admitted(100) == 60
    assert limits.admit("somebody else", budget) is None


async def test_a_body_that_is_too_large_is_refused_however_it_comes(serve):
    client = serve(Scripted(*spoken("Hello")), body_kib=1)

    async def in_parts():
        for _ in range(3):
            yield b'{"messages": ' + b" " * 900

    for content in (b" " * 2000, in_parts()):
        response = await client.post("/v1/chat/completions", content=content)
        assert (response.status_code, response.json()["error"]["code"]) == (413, "body_too_large")
        assert "1 KiB" in response.json()["error"]["message"]
    assert (await ask(client)).status_code == 200


async def test_what_is_measured_can_be_read_by_prometheus_for_each_arm(serve, house):
    client = serve(Scripted(*spoken("Hello", " there")))
    turn = (await ask(client)).json()["id"]
    await client.post("/v1/feedback", json={"response_id": turn, "vote": 1})
    await ask(client, messages=[])
    lines = (await client.get("/metrics")).text.splitlines()
    labels = 'adapter="base",arm="champion"'
    assert f'ratchet_answers_total{{{labels},finish_reason="stop"}} 1.0' in lines
    assert f'ratchet_tokens_total{{{labels},kind="completion"}} 2.0' in lines
    assert f"ratchet_time_to_first_token_seconds_count{{{labels}}} 1.0" in lines
    assert f"ratchet_inter_token_latency_seconds_count{{{labels}}} 1.0" in lines
    assert f'ratchet_votes_total{{{labels},vote="up"}} 1.0' in lines
    assert 'ratchet_refused_requests_total{code="invalid_request"} 1.0' in lines
    assert "ratchet_engine_ready 1.0" in lines
    assert 'ratchet_engine_requests{state="running"} 0.0' in lines


async def test_moderations_tell_what_the_filters_say_in_the_words_of_openai(serve):
    client = serve(Scripted())
    texts = ["how long is delivery?", "i want to kill myself", "child porn", f"my card is {CARD}"]
    reply = (await client.post("/v1/moderations", json={"input": texts, "model": "omni-moderation-latest"})).json()
    assert [result["flagged"] for result in reply["results"]] == [False, True, True, False]
    fine, hurt, stopped, card = reply["results"]
    assert len(fine["categories"]) == 13
    assert not any(fine["categories"].values())
    assert (hurt["categories"]["self-harm"], hurt["categories"]["sexual"]) == (True, False)
    assert stopped["category_scores"]["sexual/minors"] == 1.0
    assert stopped["category_applied_input_types"]["sexual/minors"] == ["text"]
    assert card["ratchet"]["decision"] == "transform"
    parts = [{"type": "text", "text": "child"}, {"type": "text", "text": " porn"}]
    assert (await client.post("/v1/moderations", json={"input": parts})).json()["results"][0]["flagged"]
    refused = await client.post("/v1/moderations", json={"input": [{"type": "image_url", "image_url": {"url": "x"}}]})
    assert refused.status_code == 400


SAID = {
    "choices": [{"index": 0, "delta": {"content": "A secret word"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
}


class CollectorAndEngine(BaseHTTPRequestHandler):
    """Takes traces as a collector does, and answers as vLLM."""

    came: ClassVar[list[ExportTraceServiceRequest]] = []
    asked: ClassVar[list[str | None]] = []  # the traceparent of each question

    def do_GET(self) -> None:
        self.tell(b"")

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers["content-length"]))
        if self.path == "/v1/traces":
            self.came.append(ExportTraceServiceRequest.FromString(content))
            self.tell(b"")
        else:
            self.asked.append(self.headers["traceparent"])
            self.tell(b"data: " + json.dumps(SAID).encode() + b"\n\ndata: [DONE]\n\n")

    def tell(self, content: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *told: object) -> None: ...


async def test_a_collector_of_traces_is_told_about_a_turn_and_not_what_was_said(serve, house):
    collector = ThreadingHTTPServer(("127.0.0.1", 0), CollectorAndEngine)
    Thread(target=collector.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{collector.server_port}"
    settings = Settings({**house.settings.values, "engine_url": url})
    engine = Engine(house.model, settings, house.settings.home, lambda load: None)
    try:
        tracing = Tracing(url)
        client = serve(engine, tracing)
        await engine.start()
        async with asyncio.timeout(20):
            while not engine.ready:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        trace, parent = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
        response = await client.post(
            "/v1/chat/completions", json=ASK, headers={"traceparent": f"00-{trace}-{parent}-01"}
        )
        assert response.status_code == 200
        assert (await ask(serve(engine))).status_code == 200
        await engine.close()
        await asyncio.to_thread(tracing.close)
    finally:
        collector.shutdown()
        collector.server_close()
    came = CollectorAndEngine.came
    spans = [s for told in came for r in told.resource_spans for scope in r.scope_spans for s in scope.spans]
    by_name = {span.name: span for span in spans}
    assert set(by_name) == {"chat", "screen and route", "answer"}
    chat, answer = by_name["chat"], by_name["answer"]
    assert (chat.trace_id.hex(), chat.parent_span_id.hex()) == (trace, parent)
    assert answer.parent_span_id == chat.span_id
    first_word, traced, untraced = CollectorAndEngine.asked
    assert traced == f"00-{trace}-{answer.span_id.hex()}-01", "the engine's spans are children of the answer"
    assert first_word is untraced is None
    told = {attribute.key: attribute.value for attribute in chat.attributes}
    assert told["gen_ai.response.id"].string_value == response.json()["id"]
    assert told["gen_ai.usage.output_tokens"].int_value == 2
    assert "secret" not in "".join(map(str, came))


def test_the_engine_is_told_of_the_collector_where_there_is_one(house):
    values = house.settings.values
    plain, traced = Settings(values), Settings({**values, "otlp_endpoint": "http://127.0.0.1:4318/"})
    assert "--otlp-traces-endpoint" not in command(house.model, plain, 1)
    words = command(house.model, traced, 1)
    assert words[words.index("--otlp-traces-endpoint") + 1] == "http://127.0.0.1:4318/v1/traces"
    assert environment(traced, "key")["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"] == "http/protobuf"


@pytest.mark.parametrize("size", [1, 7, 50, 10_000])
def test_the_engines_stream_reads_the_same_however_it_is_cut(size):
    def event(**fields: object) -> bytes:
        return b"data: " + json.dumps(fields).encode() + b"\n\n"

    def choice(text: str, reason: str | None = None) -> dict:
        return {"index": 0, "delta": {"content": text}, "logprobs": {"content": [token(text)]}, "finish_reason": reason}

    stream = b"".join([event(choices=[choice("Hé")]), event(choices=[choice("llo", "stop")])])
    stream += event(choices=[], usage={"total_tokens": 5}) + b"data: [DONE]\n\n"
    events = Events()
    pieces = [events.feed(stream[at : at + size]) for at in range(0, len(stream), size)]
    came = [piece for piece in pieces if piece is not None]
    assert "".join(piece.text for piece in came) == "Héllo"
    assert [piece.finish_reason for piece in came if piece.finish_reason] == ["stop"]
    assert [piece.usage for piece in came if piece.usage] == [{"total_tokens": 5}]
    assert sum(piece.logprob or 0 for piece in came) == -1.0
    assert [entry["token"] for piece in came for entry in piece.tokens] == ["Hé", "llo"]
