"""Somebody is erased: every file of the home is searched for them, decoded, and the others keep all of theirs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import duckdb
import pytest

import analytics.store as store_module
import chatbot.erasure as erasure_module
from analytics import Feedback, NotStored
from analytics.signing import BadSignature, verify
from chatbot.errors import UnknownPerson
from chatbot.services import Services
from learner.dataset import Dataset, curate
from learner.dataset.shelf import shelve
from learner.settings import LapSettings
from learner.starter import MODEL_DIR
from tests.adapters import finished
from tests.history import History, numbers, people
from tests.pages_server import services

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
