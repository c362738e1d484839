"""Weak signals: what is reported, what the server notices, and that no vote ever comes of them."""

import asyncio

import pytest

from analytics import Consent, queries
from chatbot.implicit import complaint, note, noticed
from tests.api import api, as_json, asked


async def report(client, turn: str, **said: object):
    return await client.post("/v1/implicit", json={"response_id": turn, **said})


async def test_what_a_client_reports_is_kept_apart_from_votes_and_screened(house):
    async with api(house) as ann, api(house) as bob:
        turn = (await asked(ann))["id"]
        for kind in ("copy", "regenerate", "abandon", "complaint", "copy"):
            assert (await report(ann, turn, kind=kind)).status_code == 204
        assert (await report(ann, turn, kind="copy", detail="card 4111 1111 1111 1111")).status_code == 204
        assert (await report(bob, turn, kind="copy")).status_code == 403
        assert (await report(ann, "chatcmpl-none", kind="copy")).status_code == 404
        for said, told in (
            ({"kind": "vote"}, "kind"),
            ({}, "kind"),
            ({"kind": None}, "kind"),
            ({"kind": "copy", "detail": "a" * 2001}, "at most 2000"),
            ({"kind": "copy", "vote": 1}, "vote"),
        ):
            refused = await report(ann, turn, **said)
            assert refused.status_code == 400
            assert told in refused.json()["error"]["message"]
        odd = as_json({"response_id": turn, "kind": "copy", "detail": "\x00 \ud800"})
        assert (await ann.post("/v1/implicit", **odd)).status_code == 204
        now = (await ann.get(f"/v1/feedback/{turn}")).json()
        assert (now["vote"], now["receipts"]) == (None, [])
    kept = house.store.rows("SELECT kind, detail, origin FROM implicit ORDER BY seq")
    assert [row["kind"] for row in kept] == ["copy", "regenerate", "abandon", "complaint", "copy", "copy", "copy"]
    assert [row["detail"] for row in kept][-2:] == ["card [card number]", "\x00 ?"]
    for view in ("votes", "experiment_votes", "learn_feedback", "review_queue"):
        assert house.store.rows(f"SELECT 1 FROM {view}") == []
    counts = {row["kind"]: row for row in queries.implicit_counts(house.store)}
    assert (counts["copy"]["adapter"], counts["copy"]["signals"], counts["copy"]["answers"]) == ("base", 4, 1)
    assert counts["copy"]["origin"] == "client"


def test_no_view_reads_the_weak_signals(store):
    views = store.rows("SELECT view_name, sql FROM duckdb_views() WHERE NOT internal")
    assert {"votes", "learn_feedback"} <= {view["view_name"] for view in views}
    assert not [view["view_name"] for view in views if "implicit" in view["sql"]]


async def test_the_server_notices_what_is_asked_again_broken_off_or_complained_of(house):
    async with api(house) as ann:
        first = await asked(ann, "How long?")
        conversation = first["ratchet"]["conversation_id"]
        again = await asked(ann, "How long?", sibling_of=first["id"])
        plain = await asked(ann, "And abroad?", conversation_id=conversation)
        cross = await asked(ann, "That's wrong. And abroad?", conversation_id=conversation)
        alone = await asked(ann, "That's wrong.")
        person = (await ann.get("/v1/me")).json()["person"]

    def seen(completion: dict, **more: str) -> list[tuple[str, str, str | None]]:
        turn = house.store.asked(completion["id"])
        found = noticed(house.store, turn, **more)
        assert {(one.person, one.origin) for one in found} <= {(person, "server")}
        return [(one.turn_id, one.kind, one.detail) for one in found]

    assert seen(first, finish_reason="stop") == []
    assert seen(again) == [(first["id"], "regenerate", None)]
    assert seen(again, again=plain["id"]) == [(plain["id"], "regenerate", None)]
    assert seen(plain, finish_reason="cancelled") == [(plain["id"], "abandon", None)]
    assert seen(cross, finish_reason="length") == [(plain["id"], "complaint", "wrong")]
    assert seen(alone) == [], "there is no answer before it"
    await asyncio.get_running_loop().shutdown_default_executor()  # there complaints are looked at
    house.store.append(Consent(person, True, 1))  # is written after what was waiting
    kept = [(row["kind"], row["origin"], row["signals"]) for row in queries.implicit_counts(house.store)]
    assert kept == [("complaint", "server", 1), ("regenerate", "server", 1)]
    turn = house.store.asked(cross["id"])
    house.store.close()
    note(house.store, turn, finish_reason="stop")


@pytest.mark.parametrize(
    ("message", "what"),
    [
        ("That's wrong.", "wrong"),
        ("that is incorrect, it is five days", "wrong"),
        ("No, that’s not right!", "wrong"),
        ("Hmm, I think your answer is wrong", "wrong"),
        ("Thanks. But this isn't true.", "wrong"),
        ("you're wrong", "wrong"),
        ("WRONG!", "wrong"),
        ("No, I meant the other parcel", "misunderstood"),
        ("no i asked about returns", "misunderstood"),
        ("That's not what I asked", "misunderstood"),
        ("You misunderstood me", "misunderstood"),
        ("I didn't ask for that", "misunderstood"),
        ("You didn't answer my question", "not answered"),
        ("you still haven't answered", "not answered"),
        ("That does not answer the question.", "not answered"),
        ("Please answer my question", "not answered"),
        ("this is not helpful", "not helpful"),
        ("that didn't work", "not helpful"),
        ("Sorry, but that's useless", "not helpful"),
    ],
)
def test_complaints_are_known_by_their_words(message, what):
    assert complaint(message) == what


@pytest.mark.parametrize(
    "message",
    [
        "",
        "How long is delivery?",
        "What is wrong with my order?",
        "Is it wrong to ask for a refund?",
        "I was told that it is wrong to lie",
        "Explain why the answer 42 is not right",
        "No, thank you",
        "no problem, that helps",
        "That's right, thanks!",
        "What should I do if the link does not work?",
        "My colleague said you didn't answer the phone",
        "Something went wrong with the payment",
        "a" * 100_000,
        "Das stimmt nicht.",
        "a" * 400 + ". That's wrong.",
    ],
)
def test_what_is_no_complaint_is_not_taken_for_one(message):
    assert complaint(message) is None
