"""Feedback over HTTP: what is taken, what is refused and why, one live vote, and calls that come twice."""

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from analytics import queries
from learner.dataset import curate
from learner.settings import LapSettings
from tests.api import api, as_json, asked
from tests.history import History, people


async def give(client, turn: str, key: str | None = None, **said: object):
    headers = {} if key is None else {"Idempotency-Key": key}
    return await client.post("/v1/feedback", json={"response_id": turn, **said}, headers=headers)


async def stands(client, turn: str) -> dict:
    response = await client.get(f"/v1/feedback/{turn}")
    assert response.status_code == 200
    return response.json()


async def test_stars_are_the_live_vote_and_the_latest_of_either_holds(house):
    async with api(house) as ann:
        turn = (await asked(ann))["id"]
        assert (await stands(ann, turn))["vote"] is None
        for said, vote, stars in (
            ({"stars": 5}, 1, 5), ({"stars": 4}, 1, 4), ({"stars": 3}, None, 3), ({"stars": 2}, -1, 2),
            ({"vote": 1}, 1, None), ({"stars": 1}, -1, 1), ({"vote": 0}, None, None), ({"stars": 5, "vote": 1}, 1, 5),
        ):  # fmt: skip
            assert (await give(ann, turn, **said)).status_code == 201
            now = await stands(ann, turn)
            assert (now["vote"], now["stars"]) == (vote, stars), said
            live = house.store.rows("SELECT vote, stars FROM votes")
            assert live == ([] if vote is None else [{"vote": vote, "stars": stars}])
        assert len(now["receipts"]) == 8
        (point,) = queries.satisfaction(house.store, 1)
        assert (point["share_up"], point["votes"]) == (1.0, 1), "one person, one vote"


async def test_a_vote_is_taken_back_once_and_what_was_written_stays(house):
    async with api(house) as ann, api(house) as bob:
        turn = (await asked(ann))["id"]
        await give(ann, turn, stars=2, comment="too dry", rewrite="A wetter one.")
        assert (await bob.delete(f"/v1/feedback/{turn}")).status_code == 403
        taken = await ann.delete(f"/v1/feedback/{turn}")
        assert (taken.status_code, taken.json()["receipt"][:2]) == (200, "F-")
        now = await stands(ann, turn)
        assert (now["vote"], now["stars"], now["comment"], now["rewrite"]) == (None, None, "too dry", "A wetter one.")
        again = await ann.delete(f"/v1/feedback/{turn}")
        assert (again.status_code, again.content) == (204, b"")
        assert house.store.rows("SELECT * FROM votes") == []
        assert (await bob.get(f"/v1/feedback/{turn}")).status_code == 403


async def test_surveys_and_critiques_are_kept_as_given_and_their_texts_are_screened(house):
    async with api(house) as ann:
        completion = await asked(ann, "Say 🦜🇳🇴 ünal")
        turn, answer = completion["id"], completion["choices"][0]["message"]["content"]
        at = answer.index("🦜")
        card = "card 4111 1111 1111 1111"
        survey = {"solved": False, "effort": -4, "words": card, "big": 2**63 - 1}
        critique = [
            {"start": at, "end": len(answer), "label": "wrong", "comment": card},
            {"start": 0, "end": 1, "label": None, "comment": None},
        ]
        assert (await give(ann, turn, survey=survey, critique=critique)).status_code == 201
        now = await stands(ann, turn)
    masked = "card [card number]"
    assert now["survey"] == {**survey, "words": masked}
    assert now["critique"] == [{**critique[0], "comment": masked}, critique[1]]
    (row,) = house.store.rows("SELECT vote, survey, critique FROM feedback")
    assert row["vote"] is None
    assert answer[row["critique"][0]["start"] : row["critique"][0]["end"]] == answer[at:]


WORDS = "Delivery takes two to four days. You get a link to follow your parcel."
REFUSED = [
    ({}, "nothing to keep"),
    ({"consent_to_train": True}, "nothing to keep"),
    ({"vote": 2}, "vote is 2"),
    ({"vote": 10**30}, "64 bits"),
    ({"vote": 10**4000}, "vote"),
    ({"stars": 0}, "from 1 to 5"),
    ({"stars": 6}, "from 1 to 5"),
    ({"stars": 10**4000}, "stars"),
    ({"stars": 4.5}, "stars"),
    ({"stars": 5, "vote": -1}, "contradict"),
    ({"stars": 3, "vote": 1}, "contradict"),
    ({"vote": 0, "stars": 1}, "contradict"),
    ({"reasons": ["because"]}, "'because' is not known"),
    ({"reasons": ["\ud800"]}, "is not known"),
    ({"reasons": ["x" * 10_000]}, "is not known"),
    ({"comment": "a" * 20_001}, "at most 20000"),
    ({"survey": {f"q{number}": 1 for number in range(11)}}, "11 questions"),
    ({"survey": {"solved": 1.5}}, "survey"),
    ({"survey": {"solved": float("nan")}}, "survey"),
    ({"survey": {"solved": None}}, "survey"),
    ({"survey": {"solved": {"deep": 1}}}, "survey"),
    ({"survey": {"solved": 2**63}}, "64 bits"),
    ({"survey": {"solved": -(10**4000)}}, "survey"),
    ({"survey": {"solved": "a" * 2001}}, "at most 2000"),
    ({"survey": {"": 1}}, "name"),
    ({"survey": {"two words": 1}}, "name"),
    ({"survey": {"\ud800": 1}}, "name"),
    ({"survey": {"\ud800": []}}, "survey"),
    ({"survey": [1]}, "survey"),
    ({"critique": [{"start": 0, "end": len(WORDS) + 1}]}, f"{len(WORDS)} characters"),
    ({"critique": [{"start": len(WORDS), "end": len(WORDS) + 1}]}, "beyond the answer"),
    ({"critique": [{"start": 0, "end": 10**30}]}, "beyond"),
    ({"critique": [{"start": -1, "end": 3}]}, "counts from 0"),
    ({"critique": [{"start": 3, "end": 3}]}, "empty"),
    ({"critique": [{"start": 4, "end": 3}]}, "empty"),
    ({"critique": [{"start": True, "end": 3}]}, "critique"),
    ({"critique": [{"start": "0", "end": 3}]}, "critique"),
    ({"critique": [{"start": 0}]}, "critique"),
    ({"critique": [{"start": 0, "end": 1, "label": "ugly"}]}, "'ugly' is not known"),
    ({"critique": [{"start": 0, "end": 1, "comment": "a" * 2001}]}, "at most 2000"),
    ({"critique": [{"start": 0, "end": 1}] * 51}, "51 parts"),
    ({"\ud800": 1}, "unicode"),
    ({"voet": 1}, "voet"),
    ({"preferred_over": "\ud800"}, "no response"),
]  # fmt: skip


async def test_what_cannot_be_kept_is_refused_with_what_was_wrong(house):
    async with api(house) as ann:
        completion = await asked(ann)
        assert completion["choices"][0]["message"]["content"] == WORDS
        for said, told in REFUSED:
            refused = await ann.post("/v1/feedback", **as_json({"response_id": completion["id"], **said}))
            error = refused.json()["error"]
            assert refused.status_code in (400, 404), (said, error)
            assert told in error["message"], (said, error)
            assert len(error["message"]) < 500
    assert house.store.rows("SELECT 1 FROM feedback") == []


@pytest.mark.parametrize(
    "body",
    [
        b"", b"null", b"[]", b'"text"', b"{", b"[" * 100_000, b'{"survey":' * 50_000, b'{"response_id": 1e999}',
        b'{"response_id": "a", "vote": ' + b"9" * 10_000 + b"}", b'{"response_id": "\\ud800", "vote": 1}',
        b'{"response_id": "\\u0000", "vote": 1}', b'{"response_id": "", "vote": 1}', b"\xff\xfe",
        b'{"response_id": NaN}',
    ],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/v1/feedback", "/v1/implicit"])
async def test_bodies_that_break_others_are_refused_in_one_shape(house, path, body):
    async with api(house) as ann:
        refused = await ann.post(path, content=body, headers={"Content-Type": "application/json"})
    assert refused.status_code in (400, 404)
    assert refused.json()["error"]["message"]


async def test_texts_of_any_letters_are_kept(house):
    async with api(house) as ann:
        turn = (await asked(ann))["id"]
        odd = "nul \x00, half \ud800, far \U0010ffff, left \u202e, e\u0301"
        said = {"comment": odd, "survey": {"words": odd}, "critique": [{"start": 0, "end": 1, "comment": odd}]}
        sent = as_json({"response_id": turn, **said})
        assert (await ann.post("/v1/feedback", **sent)).status_code == 201
        now = await stands(ann, turn)
    kept = odd.replace("\ud800", "?")
    assert (now["comment"], now["survey"]["words"], now["critique"][0]["comment"]) == (kept, kept, kept)


async def test_a_call_that_comes_twice_keeps_one(house):
    async with api(house) as ann, api(house) as bob:
        turn = (await asked(ann))["id"]
        said = {"vote": 1, "comment": "good", "survey": {"b": 1, "a": True}}
        first = await give(ann, turn, key="once", **said)
        again = await give(ann, turn, key="once", **dict(reversed(said.items())))
        assert (first.status_code, again.status_code) == (201, 201)
        assert first.json() == again.json()
        assert ("idempotent-replayed" in first.headers, again.headers["idempotent-replayed"]) == (False, "true")
        for other in ({"vote": -1}, {**said, "survey": {"b": True, "a": 1}}):
            conflict = await give(ann, turn, key="once", **other)
            assert (conflict.status_code, conflict.json()["error"]["code"]) == (409, "idempotency_conflict")
        assert (await give(ann, turn, key="twice", **said)).json()["receipt"] != first.json()["receipt"]
        theirs = (await asked(bob))["id"]
        assert (await give(bob, theirs, key="once", **said)).json()["receipt"] != first.json()["receipt"]
        assert len(house.store.rows("SELECT 1 FROM feedback")) == 3
        for key in ("", " ", "two words", "ä", "a" * 256):
            headers = [(b"Idempotency-Key", key.encode("latin-1"))]
            refused = await ann.post("/v1/feedback", json={"response_id": turn, "vote": 1}, headers=headers)
            assert refused.status_code == 400, key
            assert "Idempotency-Key" in refused.json()["error"]["message"]
        assert (await give(ann, turn, key="!" * 255, vote=1)).status_code == 201


async def test_of_calls_at_the_same_time_with_one_key_one_is_kept(house):
    async with api(house) as ann:
        turn = (await asked(ann))["id"]
        person = (await ann.get("/v1/me")).json()["person"]
        answers = await asyncio.gather(*(give(ann, turn, key="once", vote=1) for _ in range(20)))
    assert len({answer.json()["receipt"] for answer in answers}) == 1
    assert sum("idempotent-replayed" in answer.headers for answer in answers) == 19
    with ThreadPoolExecutor(16) as pool:
        given = pool.map(lambda _: house.feedbacks.give(person, turn, vote=1, idempotency_key="other"), range(50))
    assert len({receipt.receipt for receipt in given}) == 1
    assert len(house.store.rows("SELECT 1 FROM feedback")) == 2
    assert house.feedbacks._keys._locks == {}


async def test_what_nothing_learns_from_starts_no_lap(house):
    (ann,) = people("learn", 1)
    turn = History(house.store).answer(ann, "short")
    async with api(house, ann) as client:
        await give(client, turn, survey={"solved": True}, critique=[{"start": 0, "end": 5}])
        assert queries.new_usable_feedback(house.store, None) == 0
        await give(client, turn, stars=4)
        assert queries.new_usable_feedback(house.store, None) == 1


async def test_an_operators_key_speaks_for_a_user_wherever_one_can_be_named(house):
    key = {"Authorization": f"Bearer {house.accounts.keys['operator']}"}
    async with api(house, **key) as client:
        turn = (await asked(client, user="alice"))["id"]
        said = await client.post("/v1/feedback", json={"response_id": turn, "vote": 1, "user": "alice"})
        assert said.status_code == 201
        for path in ("/v1/conversations", f"/v1/feedback/{turn}"):
            alice, own = await client.get(path, params={"user": "alice"}), await client.get(path)
            assert turn in alice.text or "conv-" in alice.text
            assert turn not in own.text
            assert "conv-" not in own.text
        assert (await client.delete(f"/v1/feedback/{turn}")).status_code == 403
        assert (await client.delete(f"/v1/feedback/{turn}", params={"user": "alice"})).status_code == 200


async def test_stars_teach_as_the_votes_that_they_mean(house, tmp_path):
    (ann,) = people("learn", 1)
    history = History(house.store)
    first = history.answer(ann, "first")
    second = history.answer(ann, "second", sibling_of=first)
    async with api(house, ann) as client:
        await give(client, first, stars=2)
        await give(client, second, stars=3)
        assert pairs(house, tmp_path / "neutral") == []
        await give(client, second, stars=4)
        assert pairs(house, tmp_path / "up") == [("second", "first", "sibling")]
        await client.delete(f"/v1/feedback/{first}")
        assert pairs(house, tmp_path / "taken back") == []


def pairs(house, events) -> list[tuple[str, str, str]]:
    house.store.snapshot(events)
    return [(pair.chosen, pair.rejected, pair.source) for pair in curate(events, LapSettings()).learn]


async def test_the_schema_describes_every_route_of_ours(house):
    async with api(house) as ann:
        schema = (await ann.get("/openapi.json")).json()
    names = (
        "feedback",
        "receipts",
        "conversations",
        "shared",
        "implicit",
        "consent",
        "appeals",
        "me",
        "accounts",
        "keys",
    )
    ours = {
        path: item for path, item in schema["paths"].items() if path.startswith("/v1/") and path.split("/")[2] in names
    }
    assert {path.split("/")[2] for path in ours} == set(names)
    for path, item in ours.items():
        for method, operation in item.items():
            assert operation["summary"], (method, path)
            assert operation["description"], (method, path)
            assert {"401", "403", "503", "default"} <= set(operation["responses"]), (method, path)
            assert "422" not in operation["responses"], (method, path)
            good = next(status for status in operation["responses"] if status.startswith("2"))
            content = operation["responses"][good].get("content", {}).get("application/json", {})
            assert good == "204" or path.endswith("/export") or "$ref" in content["schema"], (method, path)
    assert json.dumps(schema)
