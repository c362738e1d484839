"""Somebody is erased: every file of the home is searched for them, decoded, and the others keep all of theirs."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path

import duckdb
import pytest

import analytics.store as store_module
import chatbot.erasure as erasure_module
from analytics import Feedback, NotStored
from analytics.pairs import agreed_sql, pairs_sql
from analytics.signing import BadSignature, verify
from chatbot.erasure import Erasures, expired
from chatbot.errors import LastAdmin, UnknownPerson
from chatbot.services import Services
from learner.dataset import Dataset, curate
from learner.dataset.shelf import shelve
from learner.merges import MERGED
from learner.settings import LapSettings
from learner.starter import MODEL_DIR
from tests.adapters import finished
from tests.api import MESSAGES, api, asked, key_of
from tests.history import History, numbers, people
from tests.pages_server import services
from tests.real_server import until

SECRET = "the zebrafish in the cellar has number"
ZED = "zed.zebra@example.com"


def values_of(path: Path) -> str:
    with duckdb.connect() as connection:
        return str(connection.execute(f"SELECT * FROM read_parquet('{path}')").fetchall())


def places(home: Path, *needles: str) -> list[str]:
    """The files, decoded, in which one of the needles stands."""
    found = []
    for path in sorted(home.rglob("*")):
        if path.is_file():
            text = path.read_bytes().decode(errors="replace")
            text += values_of(path) if path.suffix == ".parquet" else ""
            if any(needle in text for needle in needles):
                found.append(str(path.relative_to(home)))
    return found


def furnish(house: Services, home: Path) -> dict[str, str]:
    """A person with an account and somebody else, both in a run with an adapter, its dataset and its evidence."""
    person, other = people("learn", 2)
    account = house.accounts.people.add(ZED, "user", "test")
    house.accounts.api_keys.add(account.account_id, f"key of {ZED}", ["chat"], "test")
    history = History(house.store)
    for number in range(12):
        for one, said in ((f"account:{account.account_id}", SECRET), (person, SECRET), (other, "nothing of it")):
            turn = history.answer(one, f"I say {said} {number}", prompt=f"What of {said} {number}, and {one}?")
            comment, rewrite = f"not {said} {number}", f"{said}: {number * 7}!"
            vote = Feedback(f"F-{next(numbers)}", turn, one, -1, [], comment, rewrite, None, "user")
            history.store.append(vote)
    run = home / "runs" / "20261101-000000"
    house.store.snapshot(run / "events")
    dataset = curate(run / "events", LapSettings(), model=str(MODEL_DIR))
    dataset.write(run)
    review = {"findings": [{"turn_id": turn, "reason": "x"}], "note": f"he wrote: {SECRET}: 21! today"}
    (run / "self_review.json").write_text(json.dumps(review))
    shelve(run, home / "datasets")
    manifest = (run / "manifest.json").read_text()
    finished(run, 1, 0.01)
    (run / "manifest.json").write_text(manifest)
    adapter = house.learner.registry.register(run, run_id=run.name, passed=True, reason="made by a test")
    (home / "runs" / "figures.txt").write_text(f"an example: What of {SECRET} 3, and {person}?")
    return {"person": person, "other": other, "account": account.account_id, "adapter": adapter, "dataset": dataset.id}


@pytest.fixture
def made(tmp_path):
    house = services(tmp_path / "home")
    yield house, tmp_path / "home", furnish(house, tmp_path / "home")
    house.learner.close()
    house.screen.close()
    house.store.close()


def kept_of(house: Services, person: str) -> list[dict]:
    return house.store.rows(
        "SELECT turn.*, completion, rewrite FROM turn JOIN reply USING (turn_id) JOIN feedback USING (turn_id) "
        "WHERE turn.person = ? ORDER BY turn.seq",
        (person,),
    )


def test_nothing_of_an_erased_person_is_left_in_any_file_and_the_others_keep_theirs(made):
    house, home, told = made
    with pytest.raises(UnknownPerson):
        house.erasures.find("somebody")
    before = kept_of(house, told["other"])
    shown = house.erasures.preview(house.erasures.find(ZED))
    assert shown["rows"] == {"turn": 12, "reply": 12, "feedback": 12, "consent": 1, "account": 1, "api_key": 1}
    receipts = [
        house.erasures.erase(house.erasures.find(user), "test", policy="revoke") for user in (ZED, told["person"])
    ]
    assert len(before) == 12
    assert places(home, SECRET, ZED) == []
    assert [receipt["found_again"] for receipt in receipts] == [[], []]
    assert kept_of(house, told["other"]) == before
    assert house.store.verify_audit() == len(house.store.rows("SELECT 1 FROM audit"))
    assert house.accounts.people.named(ZED) is None

    public = (home / "signing" / "public.pem").read_text()
    kept = json.loads((home / "erasures" / f"{receipts[1]['erasure_id']}.json").read_text())
    assert kept == {name: value for name, value in receipts[1].items() if name != "salt"}
    verify(kept, public)
    with pytest.raises(BadSignature):
        verify({**kept, "adapters": []}, public)
    assert kept["adapters"] == [{"adapter": told["adapter"], "was": "gated", "fate": "revoked"}]
    assert not list((home / "adapters" / told["adapter"]).glob("*.safetensors"))
    assert not (home / "runs" / "20261101-000000" / "adapter").exists()


def test_a_dataset_says_how_many_rows_were_erased_and_is_read_and_built_again_without_them(made):
    house, home, told = made
    before = Dataset.read(home / "datasets" / told["dataset"])
    rows = [*before.learn, *before.ratings]
    theirs = [row for row in rows if row.person == told["person"]]
    house.erasures.erase(house.erasures.find(told["person"]), "test", policy="list")
    after = Dataset.read(home / "datasets" / told["dataset"])
    assert [*after.learn, *after.ratings] == [row for row in rows if row not in theirs]
    assert after.manifest["dataset_sha256"] == before.sha256
    assert after.manifest["superseded"]["rows"] == len(theirs) > 0
    assert told["person"] not in json.dumps(after.manifest)
    again = house.datasets.rebuild(told["dataset"], actor="test")
    assert again["told"] == f"differs by {len(theirs)} erased rows"


@pytest.mark.parametrize("place", ["scrub", "_events", "exchange", "search"])
def test_an_erasure_that_is_killed_anywhere_is_brought_to_its_end_by_the_next_start(made, monkeypatch, place):
    """The home as it lies on the disk at that moment is copied, as a kill leaves it, and opened."""
    house, home, told = made
    copy = home.parent / "killed"

    def kill(*_: object, **__: object) -> None:
        shutil.copytree(home, copy)
        raise OSError("killed")

    where = {"scrub": erasure_module, "search": erasure_module, "exchange": store_module, "_events": house.erasures}
    with monkeypatch.context() as patch, pytest.raises((OSError, NotStored), match="killed"):
        patch.setattr(where[place], place, kill)
        house.erasures.erase(house.erasures.find(told["person"]), "test", policy="revoke")
    again = services(copy)
    try:
        assert not (copy / "erasures" / "pending.json").exists()
        (erasure,) = again.erasures.all()
        assert erasure["removed"]["store"]["turn"] == 12
        assert kept_of(again, told["person"]) == []
        assert len(kept_of(again, told["other"])) == 12
        assert again.store.verify_audit() > 0
        receipt = json.loads((copy / "erasures" / f"{erasure['erasure_id']}.json").read_text())
        verify(receipt, (copy / "signing" / "public.pem").read_text())
        again.erasures.erase(again.erasures.find(ZED), "test")
        assert places(copy, SECRET, ZED) == []
    finally:
        again.learner.close()
        again.screen.close()
        again.store.close()


async def test_through_the_api_an_admin_erases_and_a_guest_themselves_while_others_chat_on(house, tmp_path):
    home, key = tmp_path / "house", key_of(house, "admin")
    async with api(house, **key) as program, api(house) as guest, api(house) as other:
        zed = await asked(program, f"Say {SECRET} 7", user=ZED)
        (row,) = house.store.rows("SELECT person FROM turn")
        assert ZED not in row["person"], "what a program calls somebody may be an address"
        assert (await asked(program, "again", user=ZED))["id"] != zed["id"]
        assert len(house.store.rows("SELECT DISTINCT person FROM turn")) == 1
        theirs, kept = await asked(guest, f"Say {SECRET} 8"), await asked(other, "Say that I stay")
        shown = await program.post("/v1/erasures", json={"user": ZED, "dry_run": True})
        assert (shown.status_code, shown.json()["rows"]["turn"]) == (200, 2)

        under_way = asyncio.create_task(asked(other, "Count to a hundred"))
        await asyncio.sleep(0.2)
        receipt = (await program.post("/v1/erasures", json={"user": ZED})).json()
        assert (receipt["found_again"], receipt["removed"]["store"]["person_name"]) == ([], 1)
        assert (await under_way)["choices"][0]["finish_reason"] == "stop"
        assert (await program.post("/v1/erasures", json={"user": ZED})).status_code == 404

        assert (await guest.delete("/v1/me", params={"confirm": "me"})).status_code == 400
        gone = await guest.delete("/v1/me", params={"confirm": "guest"})
        assert gone.json()["removed"]["store"]["turn"] == 1
        vote = {"response_id": theirs["id"], "vote": 1}
        assert (await guest.post("/v1/feedback", json=vote)).status_code == 404
        assert (await program.delete("/v1/me", params={"confirm": "key"})).status_code == 400

        vote = {"response_id": kept["id"], "vote": 1}
        assert (await other.post("/v1/feedback", json=vote)).status_code == 201
        listed = (await program.get("/v1/erasures")).json()["erasures"]
        assert [one["reason"] for one in listed] == ["request", "request"]
    assert len(house.store.rows("SELECT * FROM reply")) == 2
    assert places(home, SECRET, ZED) == []


async def test_a_temporary_chat_is_in_no_list_is_not_learned_from_and_goes_by_itself(house, tmp_path):
    async with api(house) as guest:
        first = await asked(guest, f"Say {SECRET} 9", temporary=True)
        conversation = first["ratchet"]["conversation_id"]
        await asked(guest, "and more", conversation_id=conversation)
        kept = await asked(guest, "I stay")
        told = {"response_id": first["id"], "vote": -1, "rewrite": "better", "consent_to_train": True}
        assert (await guest.post("/v1/feedback", json=told)).json()["consent_to_train"] is False
        await guest.post("/v1/feedback", json={**told, "response_id": kept["id"]})
        listed = (await guest.get("/v1/conversations")).json()["data"]
        assert [one["title"] for one in listed] == ["I stay"]
        mixed = {"temporary": True, "conversation_id": kept["ratchet"]["conversation_id"], "messages": MESSAGES}
        assert (await guest.post("/v1/chat/completions", json=mixed)).status_code == 400
    given = house.store.rows("SELECT given FROM turn_consents JOIN turn USING (turn_id) ORDER BY turn.seq")
    assert [row["given"] for row in given] == [False, False, True]
    assert len(house.store.rows(f"SELECT * FROM ({pairs_sql(str)})", {"without": []})) == 1
    assert expired(house.store, 0, 24) == []
    assert house.erasures.expire(expired(house.store, 0, 0)) is not None
    assert places(tmp_path / "house", SECRET) == []
    assert len(house.store.rows("SELECT * FROM turns")) == 1
    assert expired(house.store, 1, 0) == [] and len(expired(house.store, 1e-9, 0)) == 1


async def test_consent_is_for_a_conversation_and_a_no_to_all_is_a_no_to_each(house):
    async with api(house) as guest:
        first, second = await asked(guest, "one"), await asked(guest, "two")

        async def agreed() -> list[bool | None]:
            rows = house.store.rows("SELECT given FROM turn_consents JOIN turn USING (turn_id) ORDER BY turn.seq")
            sql = agreed_sql(str)
            may = {row["turn_id"] for row in house.store.rows(sql)}
            assert may == {one["id"] for one, row in zip((first, second), rows, strict=True) if row["given"]}
            return [row["given"] for row in rows]

        async def say(given: bool, conversation: str | None = None) -> None:
            sent = {"given": given, "conversation_id": conversation}
            assert (await guest.post("/v1/consent", json=sent)).status_code == 201

        one, two = (told["ratchet"]["conversation_id"] for told in (first, second))
        assert await agreed() == [None, None]
        await say(True, one)
        assert await agreed() == [True, None]
        await say(True)
        await say(False, two)
        assert await agreed() == [True, False]
        await say(False)
        assert await agreed() == [False, False]
        await say(True, two)
        assert await agreed() == [False, True]
        assert (await guest.post("/v1/consent", json={"given": True, "conversation_id": "x"})).status_code == 404


def test_a_champion_that_learned_waits_for_its_successor_and_is_revoked_when_that_takes_too_long(made):
    house, home, told = made
    registry, adapter = house.learner.registry, told["adapter"]
    registry.promote(adapter, "test", "a test", override_reason="a test")
    merged = home / MERGED / adapter
    merged.mkdir(parents=True)
    receipt = house.erasures.erase(house.erasures.find(told["person"]), "test")
    assert receipt["adapters"] == [{"adapter": adapter, "was": "champion", "fate": "retraining"}]
    assert registry.state().champion.adapter == adapter
    house.erasures.follow_up(starts_laps=False)
    assert registry.state().champion.adapter == adapter
    late = Erasures(home, house.store, house.accounts, house.learner, house.datasets.building, retrain_days=0.0)
    late.follow_up(starts_laps=False)
    assert registry.state().champion.adapter == "base"
    assert not merged.exists()
    assert not list((home / "adapters" / adapter).glob("*.safetensors"))
    kept = json.loads((home / "erasures" / f"{receipt['erasure_id']}.json").read_text())
    assert kept["adapters"][0]["fate"] == "revoked"
    verify(kept, (home / "signing" / "public.pem").read_text())


def test_the_last_admin_stays(house):
    house.accounts.people.add("root", "admin", "test")
    with pytest.raises(LastAdmin):
        house.erasures.erase(house.erasures.find("root"), "test")


def test_a_lap_that_reads_what_is_erased_is_ended_and_one_that_does_not_goes_on(house, tmp_path):
    history, (person, other) = History(house.store), people("learn", 2)
    history.answer(person, f"I say {SECRET} 1")
    run_id = house.learner.learn()
    until(lambda: house.learner.run(run_id)["state"] == "running")
    history.answer(other, "asked after the lap began")
    house.erasures.erase(house.erasures.find(other), "test")
    assert house.learner.run(run_id)["state"] == "running"
    house.erasures.erase(house.erasures.find(person), "test")
    run = house.learner.run(run_id)
    assert (run["state"], run["reason"]) == ("abandoned", erasure_module.BROKEN_OFF)
    assert places(tmp_path / "house", SECRET) == []
