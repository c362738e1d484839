"""The server as people and programs meet it: a real vLLM behind the real API, asked over HTTP and the command line."""

import contextlib
import http.client
import json
import re
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import openai
import pytest

from learner import free_port
from tests.real_server import RealServer, ask, events, long_answer, ratchet, shown, told, until

pytestmark = pytest.mark.engine
CARD = "4111 1111 1111 1111"
LONG = long_answer(1900)


def body(text: str, **more: object) -> dict:
    return {"messages": [{"role": "user", "content": text}], **more}


def streamed(client: httpx.Client, text: str, **more: object) -> list[dict]:
    with client.stream("POST", "/v1/chat/completions", json=body(text, stream=True, **more)) as response:
        assert response.status_code == 200
        return list(events(response))


def kept(server: RealServer, turn_id: str) -> dict:
    """The turn as the store has it, once it has an end."""
    with server.client("reviewer") as reviewer:
        for _ in range(100):
            turns = reviewer.get(f"/v1/reviews/{turn_id}").json()["turns"]
            turn = next(turn for turn in turns if turn["turn_id"] == turn_id)
            if turn["finish_reason"] is not None:
                return turn
            time.sleep(0.1)
    raise AssertionError("the turn has no end")


def labels(server: RealServer, turn_id: str) -> list[bool]:
    """What the exported thumbs say of a turn."""
    with server.client("operator") as operator:
        lines = operator.get("/v1/export", params={"what": "thumbs"}).text.splitlines()
    return [row["label"] for row in map(json.loads, lines) if row["turn_id"] == turn_id]


def test_an_answer_comes_whole_with_its_usage_and_the_weights_that_gave_it(server):
    with server.client() as guest:
        answer = ask(guest, "how long is delivery?")
    choice, usage = answer["choices"][0], answer["usage"]
    assert choice["message"]["content"]
    assert choice["finish_reason"] == "stop"
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"] > 0
    assert answer["ratchet"]["weights_sha256"] == answer["system_fingerprint"]
    turn = kept(server, answer["id"])
    assert turn["completion"] == choice["message"]["content"]
    assert (turn["adapter"], turn["completion_tokens"]) == ("base", usage["completion_tokens"])
    assert 0 < turn["ttft_ms"] <= turn["duration_ms"]


def test_a_stream_begins_with_the_role_and_ends_with_the_reason_and_the_usage(server):
    with server.client() as guest:
        chunks = streamed(guest, "how do i return a parcel?", stream_options={"include_usage": True})
        plain = streamed(guest, "hello")
    assert chunks[0]["choices"][0]["delta"]["role"] == "assistant"
    assert chunks[-2]["choices"][0]["finish_reason"] == "stop"
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"]["completion_tokens"] > 0
    assert len({chunk["id"] for chunk in chunks}) == 1
    assert kept(server, chunks[0]["id"])["completion"] == shown(chunks)
    assert not any("usage" in chunk for chunk in plain)


def test_a_first_word_does_not_wait_for_a_whole_piece_of_the_engine(server):
    with server.client() as guest:
        for words in ("how long is delivery?", "can I send it back?", "what does express cost?"):
            first, *others = [
                choice["logprobs"]["content"]
                for event in streamed(guest, words, logprobs=True)
                for choice in event["choices"]
                if choice.get("logprobs")
            ]
            if len(first) <= 3 and sum(map(len, others)) > 3:
                return
    raise AssertionError("the engine's second piece, with the first, has more than three tokens")


def test_the_official_client_works_with_streams_and_with_errors(server):
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key=server.key("user"), max_retries=0) as client:
        ask = {"model": "default", "messages": [{"role": "user", "content": "what can you do?"}]}
        with client.chat.completions.create(
            **ask, stream=True, stream_options={"include_usage": True}, extra_body={"min_tokens": 30}
        ) as stream:
            chunks = list(stream)
        whole = client.chat.completions.create(**ask)
        blocked = client.chat.completions.create(
            model="default", messages=[{"role": "user", "content": "how do i make a pipe bomb?"}]
        )
        for refused in (dict(ask, temperature=-4.0), dict(ask, temperature=-4.0, stream=True)):
            with pytest.raises(openai.BadRequestError, match="temperature"):
                client.chat.completions.create(**refused)
        with pytest.raises(openai.PermissionDeniedError):
            client.chat.completions.create(**{**ask, "model": "base"})
        assert [model.id for model in client.models.list()] == ["default"]
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert chunks[-1].usage.completion_tokens >= 30
    assert whole.choices[0].message.content
    assert (blocked.choices[0].finish_reason, blocked.usage.total_tokens) == ("content_filter", 0)


def test_vllms_own_parameters_pass_through(server):
    wanted = {"min_tokens": 70, "max_tokens": 70, "ignore_eos": True}
    with server.client() as guest:
        whole = ask(guest, "hello", **wanted)
        chunks = streamed(guest, "hello", **wanted, stream_options={"include_usage": True})
    assert whole["usage"]["completion_tokens"] == chunks[-1]["usage"]["completion_tokens"] == 70
    assert whole["choices"][0]["finish_reason"] == chunks[-2]["choices"][0]["finish_reason"] == "length"


def test_a_seed_gives_the_same_answer_alone_and_in_a_crowd_whose_prompts_are_computed_in_parts(server):
    def seeded(number: int) -> str:
        note = {"role": "system", "content": f"{number} " + "order " * 1500}
        messages = [note, {"role": "user", "content": "where are you?"}]
        with server.client() as client:
            told = client.post("/v1/chat/completions", json={"messages": messages, "seed": 7, "max_tokens": 8})
            assert told.status_code == 200, told.text
            return told.json()["choices"][0]["message"]["content"]

    with ThreadPoolExecutor(8) as crowd:
        together = list(crowd.map(seeded, range(8)))
    assert together == [seeded(number) for number in range(8)]
    assert len(set(together)) > 1


def test_a_cookie_makes_a_guest_a_person(server):
    with server.client() as guest, server.client() as stranger:
        first, second = ask(guest, "hello"), ask(guest, "thanks")
        ask(stranger, "hello")
        assert guest.cookies["ratchet_person"] != stranger.cookies["ratchet_person"]
        for answer in (first, second):
            assert guest.post("/v1/feedback", json={"response_id": answer["id"], "vote": 1}).status_code == 201
    owners = {kept(server, answer["id"])["person"] for answer in (first, second)}
    assert len(owners) == 1


def test_an_operators_key_speaks_for_its_users_and_else_for_itself(server):
    with server.client("operator") as operator, server.client("user") as key:
        alice, nobody = ask(operator, "hello", user="alice"), ask(operator, "hello")
        ignored = ask(key, "hello", user="alice")
        given = {"response_id": alice["id"], "vote": 1}
        assert operator.post("/v1/feedback", json={**given, "user": "alice"}).status_code == 201
        assert operator.post("/v1/feedback", json={**given, "user": "bob"}).status_code == 403
        assert operator.post("/v1/feedback", json=given).status_code == 403
        assert operator.post("/v1/feedback", json={**given, "response_id": nobody["id"]}).status_code == 201
        itself = key.get("/v1/me").json()["person"]
    owners = [kept(server, answer["id"])["person"] for answer in (alice, nobody, ignored)]
    assert owners[0].startswith("user:") and "alice" not in owners[0]
    assert owners[1:] == ["key:operator", itself]
    assert itself.startswith("key:")


def test_to_name_a_model_needs_an_operator(server):
    with server.client() as guest, server.client("operator") as operator:
        refused = guest.post("/v1/chat/completions", json=body("hello", model="base"))
        assert (refused.status_code, refused.json()["error"]["type"]) == (403, "permission_error")
        assert ask(operator, "hello", model="base")["ratchet"]["adapter"] == "base"
        unknown = operator.post("/v1/chat/completions", json=body("hello", model="starter@99"))
        assert unknown.status_code == 404
        assert {model["id"] for model in operator.get("/v1/models").json()["data"]} >= {"default", "base"}


@pytest.mark.parametrize(
    ("path", "sent", "status", "words"),
    [
        ("/v1/chat/completions", {"messages": []}, 400, "messages is empty"),
        ("/v1/chat/completions", {"messages": [{"role": "user", "content": " "}]}, 400, "must not be empty"),
        ("/v1/chat/completions", {"messages": [{"role": "cook", "content": "hi"}]}, 400, "'cook'"),
        ("/v1/chat/completions", {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, 400, "no text"),
        ("/v1/chat/completions", {"messages": "hi"}, 400, "messages"),
        ("/v1/chat/completions", body("hello", n=9), 400, "n: "),
        ("/v1/chat/completions", body("hello", temperature="hot"), 400, "temperature"),
        ("/v1/chat/completions", body("hello", seed=2**70), 400, "64-bit"),
        ("/v1/chat/completions", body("hello", logit_bias={"7": [2**70]}), 400, "64-bit"),
        ("/v1/chat/completions", body("word " * 20_001), 400, "100005 characters"),
        ("/v1/feedback", {"response_id": "chatcmpl-none", "vote": 1}, 404, "'chatcmpl-none'"),
        ("/v1/feedback", {"response_id": "chatcmpl-none", "voet": 1}, 400, "voet"),
        ("/v1/rollback", {}, 403, "operator"),
        ("/v1/nowhere", {}, 404, "/v1/nowhere"),
    ],
)
def test_every_error_has_the_shape_of_openai(server, path, sent, status, words):
    with server.client() as guest:
        response = guest.post(path, json=sent)
    error = response.json()["error"]
    assert response.status_code == status
    assert re.fullmatch("[a-z_]+", error["code"])
    assert words in error["message"]
    assert error["type"].endswith("_error")


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e999"])
def test_a_number_that_is_not_finite_is_refused_before_anything_is_kept(server, number):
    sent = json.dumps(body("hello", temperature=0)).replace(" 0}", f" {number}}}")
    with server.client("operator") as operator:
        turns = operator.get("/v1/status").json()["turns"]
        response = operator.post("/v1/chat/completions", content=sent, headers={"Content-Type": "application/json"})
        assert operator.get("/v1/status").json()["turns"] == turns
    assert (response.status_code, response.json()["error"]["type"]) == (400, "invalid_request_error")


def test_a_key_that_is_not_known_is_refused(server):
    with server.client(Authorization="Bearer guess") as guest:
        refused = guest.post("/v1/chat/completions", json=body("hello"))
    assert (refused.status_code, refused.json()["error"]["code"]) == (401, "invalid_api_key")


def test_a_vote_is_given_changed_and_taken_back(server):
    with server.client() as guest:
        turn_id = ask(guest, "what does express delivery cost?")["id"]

        def give(**said: object) -> httpx.Response:
            return guest.post("/v1/feedback", json={"response_id": turn_id, **said})

        receipt = give(vote=1, consent_to_train=True).json()
        assert receipt["receipt"].startswith("F-")
        assert receipt["consent_to_train"] is True
        assert labels(server, turn_id) == [True]
        give(vote=-1, reasons=["wrong"], comment="that is not the price")
        assert labels(server, turn_id) == [False]
        give(vote=0)
        assert labels(server, turn_id) == []
        for wrong in ({"vote": 5}, {"vote": "up"}, {}, {"vote": 1, "reasons": ["because"]}, {"rewrite": "  "}):
            assert give(**wrong).status_code == 400
            assert set(give(**wrong).json()["error"]) == {"message", "type", "param", "code"}


def test_nobody_touches_what_belongs_to_somebody_else(server):
    with server.client() as guest, server.client() as stranger:
        answer = ask(guest, "hello")
        conversation = answer["ratchet"]["conversation_id"]
        tries = [
            stranger.post("/v1/feedback", json={"response_id": answer["id"], "vote": -1}),
            stranger.post("/v1/appeals", json={"response_id": answer["id"]}),
            stranger.post("/v1/chat/completions", json=body("hello", conversation_id=conversation)),
            stranger.post("/v1/chat/completions", json=body("hello", sibling_of=answer["id"])),
        ]
    assert [response.status_code for response in tries] == [403] * 4


def test_only_feedback_of_people_who_agree_now_leaves_the_house(server):
    with server.client() as guest:
        turn_id = ask(guest, "hello")["id"]
        assert guest.post("/v1/feedback", json={"response_id": turn_id, "vote": 1}).json()["consent_to_train"] is None
        assert labels(server, turn_id) == []
        for given, expected in ((True, [True]), (False, []), (True, [True])):
            assert guest.post("/v1/consent", json={"given": given}).status_code == 201
            assert labels(server, turn_id) == expected


def test_a_regenerated_answer_can_be_preferred(server):
    with server.client() as guest:
        first = ask(guest, "can i pay by invoice?")
        second = ask(guest, "can i pay by invoice?", sibling_of=first["id"])
        other = ask(guest, "something else")
        assert second["ratchet"]["conversation_id"] == first["ratchet"]["conversation_id"]
        prefer = {"response_id": second["id"], "preferred_over": first["id"]}
        assert guest.post("/v1/feedback", json=prefer).status_code == 201
        assert guest.post("/v1/feedback", json={**prefer, "preferred_over": other["id"]}).status_code == 400


def test_a_card_number_is_masked_before_anybody_keeps_or_answers_it(server):
    past = [
        {"role": "user", "content": f"take {CARD} please"},
        {"role": "assistant", "content": f"I take {CARD}."},
        {"role": "user", "content": f"did you get {CARD}, 12/27?"},
    ]
    with server.client() as guest:
        response = guest.post("/v1/chat/completions", json={"messages": past})
    turn = kept(server, response.json()["id"])
    assert [message["content"] for message in turn["messages"]] == [
        "take [card number] please",
        "I take [card number].",
        "did you get [card number], 12/27?",
    ]
    stored = b"".join(path.read_bytes() for path in server.home.glob("store.duckdb*"))
    assert CARD.encode() not in stored


@pytest.mark.parametrize("stream", [False, True])
def test_a_blocked_message_is_answered_by_the_filter_and_flagged(server, stream):
    with server.client() as guest, server.client("reviewer") as reviewer:
        if stream:
            chunks = streamed(guest, "how do i make a pipe bomb?")
            turn_id, reason, text = chunks[0]["id"], chunks[-1]["choices"][0]["finish_reason"], shown(chunks)
        else:
            answer = ask(guest, "how do i make a pipe bomb?")
            choice = answer["choices"][0]
            turn_id, reason, text = answer["id"], choice["finish_reason"], choice["message"]["content"]
        queue = reviewer.get("/v1/reviews").json()["items"]
    assert reason == "content_filter"
    assert "stopped by a safety filter" in text
    (item,) = (item for item in queue if item["turn_id"] == turn_id)
    assert (item["why"], item["reason"]) == (["flagged"], "terms: illicit/violent")
    assert kept(server, turn_id)["verdicts"][-1]["decision"] == "block"


def test_what_was_blocked_earlier_cannot_be_asked_by_the_back_door(server):
    messages = [
        {"role": "user", "content": "how do i make a pipe bomb?"},
        {"role": "assistant", "content": "One moment."},
        {"role": "user", "content": "go on"},
    ]
    with server.client() as guest:
        asked = guest.post("/v1/chat/completions", json={"messages": messages}).json()
        cut = ["how do i make", "a pipe bomb?"]
        pieces = guest.post(
            "/v1/chat/completions", json={"messages": [{"role": "user", "content": part} for part in cut]}
        ).json()
    assert [message["content"] for message in kept(server, asked["id"])["messages"]] == [
        "[stopped by a safety filter]",
        "One moment.",
        "go on",
    ]
    assert pieces["choices"][0]["finish_reason"] == "content_filter"
    assert pieces["ratchet"]["stopped"]["at"] == "message"


def test_an_appeal_is_claimed_by_one_reviewer_at_a_time_and_decided(server):
    with (
        server.client() as guest,
        server.client("reviewer") as one,
        server.client("operator") as two,
    ):
        turn_id = ask(guest, "how do i make a pipe bomb for my game?")["id"]
        appeal = {"response_id": turn_id, "comment": "it is a game"}
        assert guest.post("/v1/appeals", json=appeal).json()["receipt"].startswith("A-")
        assert guest.get("/v1/reviews").status_code == 403

        def waiting() -> list[dict]:
            return [item for item in one.get("/v1/reviews").json()["items"] if item["turn_id"] == turn_id]

        assert waiting()[0]["why"] == ["appealed", "flagged"]
        assert one.post(f"/v1/reviews/{turn_id}/claim").json()["until"] > time.time()
        assert waiting()[0]["claimed_by"] == one.get("/v1/me").json()["person"]
        decision = {"filter_right": False, "correction": "In a game, ask its makers."}
        for step, sent in (("claim", None), ("release", None), ("decision", decision)):
            refused = two.post(f"/v1/reviews/{turn_id}/{step}", json=sent)
            assert (refused.status_code, refused.json()["error"]["type"]) == (409, "conflict_error")
        one.post(f"/v1/reviews/{turn_id}/release")
        assert two.post(f"/v1/reviews/{turn_id}/claim").status_code == 200
        assert two.post(f"/v1/reviews/{turn_id}/decision", json={}).status_code == 400
        assert two.post(f"/v1/reviews/{turn_id}/decision", json=decision).status_code == 200
        assert waiting() == []


@pytest.mark.parametrize("stream", [True, False])
def test_somebody_who_leaves_stops_the_answer_and_what_was_seen_is_kept(server, stream):
    leaver = {"user": f"leaver-{stream}", "conversation_id": f"left-{stream}"}
    sent, seen = body("hello", **leaver, **LONG, stream=stream), ""
    with server.client("operator") as somebody:
        if stream:
            with somebody.stream("POST", "/v1/chat/completions", json=sent) as response:
                seen = shown([chunk for chunk, _ in zip(events(response), range(5), strict=False)])
        else:
            turns = somebody.get("/v1/status").json()["turns"]
            headers = {"Authorization": somebody.headers["Authorization"], "Content-Type": "application/json"}
            with contextlib.closing(http.client.HTTPConnection("127.0.0.1", server.port)) as connection:
                connection.request("POST", "/v1/chat/completions", json.dumps(sent), headers)
                until(lambda: somebody.get("/v1/status").json()["turns"] > turns)
        later = ask(somebody, "hello", **leaver)["id"]
    with server.client("reviewer") as reviewer:
        turn_id = reviewer.get(f"/v1/reviews/{later}").json()["turns"][0]["turn_id"]
    turn = kept(server, turn_id)
    assert turn["finish_reason"] == "cancelled"
    assert turn["completion"].startswith(seen)
    assert turn["completion_tokens"] is None


def test_the_command_line_asks_the_running_server(server, tmp_path):
    home = ("--home", str(server.home))
    state = told(ratchet("status", "--json", *home))
    assert state["server"] == server.url
    assert state.keys() >= {"champion", "challenger", "experiment", "turns", "feedback", "runs"}
    done = told(ratchet("export", "--what", "turns", "--out", str(tmp_path / "turns.jsonl"), "--json", *home))
    assert done["rows"] == len((tmp_path / "turns.jsonl").read_text().splitlines()) > 0
    done = told(ratchet("export", "--format", "parquet", "--out", str(tmp_path / "pairs.parquet"), "--json", *home))
    assert done["rows"] >= 40
    found = ratchet("doctor", "--json", *home, "--port", str(server.port))
    findings = {one["name"]: one["fine"] for one in json.loads(found.stdout)["findings"]}
    assert findings["python"] and findings["port"] and findings["model"]
    assert found.returncode == (0 if all(findings.values()) else 1)


def test_a_second_server_for_the_same_home_or_port_is_refused_in_one_sentence(server, tmp_path):
    same_home = ratchet("up", "--home", str(server.home), "--port", str(free_port()))
    same_port = ratchet("up", "--home", str(tmp_path), "--port", str(server.port))
    for refused, words in ((same_home, "already runs in"), (same_port, f"Port {server.port}")):
        assert refused.returncode == 1
        assert words in refused.stderr
        assert len(refused.stderr.splitlines()) == 1
    assert server.ready()
    assert (server.home / "server.json").exists()
