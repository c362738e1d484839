"""What was decided cannot be changed unseen, and each promotion can be proven with one file."""

import json
from datetime import UTC
from pathlib import Path

import duckdb
import pytest
from huggingface_hub import ModelCard

from analytics import Store
from analytics.audit import audit_hash
from analytics.signing import Signer
from learner import weights_sha256
from learner.errors import NeverPromoted
from learner.promotion_record import anchor_of, check, read_record
from tests.adapters import finished, register
from tests.api import api, key_of
from tests.machine import ONE
from tests.real_server import ratchet

ACTIONS = ("start", "promote", "review.decide", "rollback")


@pytest.fixture
def path(tmp_path):
    """A store with four decisions, closed."""
    store = Store.open(tmp_path / "store.duckdb")
    for action in ACTIONS:
        store.append(store.audit(action, "operator", {"to": "a@1", "words": "ü {"}))
    store.close()
    return tmp_path / "store.duckdb"


def tamper(path: Path, sql: str) -> None:
    with duckdb.connect(str(path)) as connection:
        connection.execute(sql)


def forge(path: Path) -> None:
    """Change the second decision, and give it and all that follow the hashes that fit."""
    with duckdb.connect(str(path)) as connection:
        connection.execute("UPDATE audit SET actor = 'nobody' WHERE action = 'promote'")
        rows = connection.execute('SELECT seq, action, actor, detail::VARCHAR, "at" FROM audit ORDER BY seq').fetchall()
        previous = "0" * 64
        for seq, action, actor, detail, at in rows:
            own = audit_hash(previous, action, actor, detail, at.replace(tzinfo=UTC))
            connection.execute("UPDATE audit SET previous_hash = ?, hash = ? WHERE seq = ?", [previous, own, seq])
            previous = own


def chain(path: Path, *anchors: tuple[int | None, str]):
    store = Store.open(path)
    try:
        return store.audit_chain(anchors)
    finally:
        store.close()


@pytest.mark.parametrize(
    ("sql", "place", "what"),
    [
        ("UPDATE audit SET detail = '{\"to\":\"a@9\"}' WHERE action = 'promote'", 2, "detail was changed after"),
        ("UPDATE audit SET actor = 'nobody' WHERE action = 'rollback'", 4, "actor, time or detail was changed"),
        ("UPDATE audit SET hash = repeat('1', 64) WHERE action = 'promote'", 2, "its hash was changed"),
        ("DELETE FROM audit WHERE action = 'promote'", 2, "1 rows before it were removed"),
        ("DELETE FROM audit WHERE action IN ('promote', 'review.decide')", 2, "2 rows before it were removed"),
        ("UPDATE audit SET seq = -1 WHERE action = 'rollback'", 1, "rows were put in another order"),
    ],
)
def test_the_first_row_that_was_tampered_with_is_named_with_what_was_done(path, sql, place, what):
    assert chain(path).whole
    tamper(path, sql)
    found = chain(path)
    assert not found.whole
    assert found.broken.place == place and what in found.broken.what, found.reason


def test_an_end_that_was_cut_is_missed_also_after_more_was_decided(path):
    tamper(path, "DELETE FROM audit WHERE action = 'rollback'")
    found = chain(path)
    assert found.broken is None, "what is left is a whole chain"
    assert "The end was cut" in found.reason and "1 of them are gone" in found.reason
    store = Store.open(path)
    store.append(store.audit("start", "operator", {}), store.audit("start", "operator", {}))
    store.close()
    assert "cut or written anew" in chain(path).reason


def test_a_chain_that_was_written_anew_is_found_by_the_heads_and_without_them_by_what_was_noted_elsewhere(path):
    noted = chain(path).head
    forge(path)
    assert "cut or written anew" in chain(path).reason
    heads = path.with_name("store.heads.jsonl")
    first, *_ = heads.read_text().splitlines()
    heads.write_text(first.replace('"count": 1', '"count": 2') + "\n")
    assert "Line 1 of store.heads.jsonl was changed" in chain(path).reason, "who has no key signs no line"
    heads.unlink()
    found = chain(path)
    assert found.whole and found.unnoted[0]["first"] == 1 and found.unnoted[0]["last"] == 4
    assert "is not in the chain any more" in chain(path, (None, noted)).reason
    assert "is not in the chain any more" in chain(path, (4, noted)).reason


def test_a_server_that_was_killed_before_it_noted_the_head_is_no_alarm(path):
    heads = path.with_name("store.heads.jsonl")
    heads.write_text("".join(heads.read_text().splitlines(keepends=True)[:3]) + '{"torn')
    found = chain(path)
    assert found.whole and [(gap["first"], gap["last"]) for gap in found.unnoted] == [(4, 4)]


def test_a_row_whose_detail_was_erased_holds_only_where_a_later_row_says_so(path):
    store = Store.open(path)
    (row,) = store.rows("SELECT hash FROM audit WHERE action = 'promote'")
    store.close()
    tamper(path, "UPDATE audit SET detail = '{\"erased\": true}' WHERE action = 'promote'")
    assert chain(path).broken.place == 2
    store = Store.open(path)
    store.append(store.audit("erase", "ann", {"blanked": [row["hash"]]}))
    store.close()
    assert chain(path).whole


def promoted(made, tmp_path: Path) -> tuple[dict, Path]:
    """The record that was written by itself when starter@1 was promoted, and its file."""
    run = tmp_path / "run-1"
    name = register(made.registry, run, 1, 0.1, passed=True)
    made.learner.promote(name, "account:ann", "it is better")
    (file,) = (made.home / "promotions").iterdir()
    return read_record(file), file


def test_each_promotion_leaves_one_signed_file_that_proves_itself(machine, tmp_path):
    made = machine()
    record, file = promoted(made, tmp_path)
    key = Signer.open(made.home).public_key
    assert record["adapter"]["weights_sha256"] == weights_sha256(made.home / "adapters" / ONE)
    assert record["people"]["promoted_by"] == "account:ann" and record["promotion"]["override"] == "it is better"
    assert [row["action"] for row in record["audit"]["rows"]] == ["adapter.register", "promote"]
    assert check(record, key).holds
    assert made.store.audit_chain([anchor(record)]).whole
    told = ratchet("audit", "check", str(file), "--public-key", str(made.home / "signing" / "public.pem"), "--json")
    assert json.loads(told.stdout)["holds"], told.stderr
    with pytest.raises(NeverPromoted):
        made.learner.records.record("base")


def anchor(record: dict) -> tuple[int, str]:
    count, _, hash_ = anchor_of(record).partition(":")
    return int(count), hash_


def test_a_record_that_was_altered_or_that_another_signed_does_not_hold(machine, tmp_path):
    made = machine()
    record, _ = promoted(made, tmp_path)
    key, other = Signer.open(made.home).public_key, Signer.open(tmp_path / "other")
    for part in ("adapter", "gates", "promotion", "audit", "people"):
        assert "was changed" in check({**record, part: {"rows": [], **dict(record[part] or {}), "x": 1}}, key).reason
    assert "was signed with the key" in check(record, other.public_key).reason
    edited = json.loads(json.dumps(record))
    edited["audit"]["rows"][1]["actor"] = "account:eve"
    assert "is not what its hash is of" in check(other.sign(edited), other.public_key).reason


def test_a_promotion_whose_record_was_lost_has_it_written_at_the_next_start(machine, tmp_path):
    made = machine()
    _, file = promoted(made, tmp_path)
    file.unlink()
    assert made.learner.records.keep() == [file]
    assert made.learner.records.keep() == []


def test_the_model_card_says_what_taught_the_adapter_and_later_what_became_of_it(machine, tmp_path):
    made, run = machine(), tmp_path / "run-1"
    finished(run, 1, 0.1)
    side = {"pairs": 40, "sources": {"rewrite": 40, "sibling": 0}, "people_in_all": 12, "largest_share": 0.1}
    manifest = {
        "id": "abc", "dataset_sha256": "f" * 64, "instant": "2026-11-01T00:00:00", "groups": [60, 30, 10],
        "consent": "the latest answer of the person is yes", "learn": {**side, "people": {"ann": 4}},
    }  # fmt: skip
    gate = {
        "gate": "preference",
        "passed": True,
        "measured": 0.713,
        "against": 0.5,
        "reason": "a | gain",
        "skipped": False,
    }
    (run / "manifest.json").write_text(json.dumps(manifest))
    (run / "gates.json").write_text(json.dumps({"gates": [gate]}))
    (run / "result.json").write_text(
        json.dumps({"recipe": "dpo", "recipe_reason": "Enough pairs.", "training": {"loss": 0.3}})
    )
    made.registry.register(run, run_id="run-1", passed=True, reason="passed")
    folder = made.home / "adapters" / ONE
    card = ModelCard.load(folder / "README.md")
    assert (card.data.base_model, card.data.library_name, card.data.license) == ("starter", "peft", "apache-2.0")
    assert card.data.tags == ["lora", "ratchet", "dpo"]
    for words in (
        "| pairs that taught | 40 | 12 | rewrite 40 | 10.0% |",
        "| preference | 0.713 | 0.5 | passed |",
        "Enough pairs.",
    ):
        assert words in card.text
    assert "ann" not in card.text.split()
    before = weights_sha256(folder)
    (folder / "README.md").write_text("anything else")
    assert weights_sha256(folder) == before, "the card is no part of what is hashed"
    made.learner.promote(ONE, "operator", "a test")
    fuller = ModelCard(made.learner.model_card(ONE))
    assert "| champion | a test |" in fuller.text and fuller.data.base_model == "starter"


async def test_the_api_lists_and_verifies_and_exports(house):
    house.store.append(house.store.audit("experiment.won", "learner", {"a": 1}), house.store.audit("other", "x", {}))
    async with api(house, **key_of(house, "operator")) as client:
        found = (await client.get("/v1/audit", params={"action": "experiment"})).json()["decisions"]
        assert [(row["action"], row["detail"]) for row in found] == [("experiment.won", {"a": 1})]
        chain_ = (await client.get("/v1/audit/verify")).json()
        assert chain_["whole"] and chain_["decisions"] == house.store.verify_audit()
        off = (await client.get("/v1/audit/verify", params={"head": f"1:{'f' * 64}"})).json()
        assert not off["whole"] and "noted elsewhere" in off["reason"]
        assert (await client.get("/v1/audit/promotions/base")).status_code == 409
        card = await client.get("/v1/adapters/base/card")
        assert card.headers["content-type"].startswith("text/markdown") and "library_name: peft" in card.text
        assert (await client.get("/v1/adapters/nobody@1/card")).status_code == 404
