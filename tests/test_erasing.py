"""What is erased from the store is gone from its bytes, while others write and read on."""

from __future__ import annotations

import threading

import pytest

from analytics import Audit, Flag, NotStored, Quarantine, Reply, Review, Store, StoreBroken, erasing
from analytics.columns import ALL_EVENTS, column_types
from analytics.erasing import of_people
from tests.history import History

SECRET = "zebrafish 4711 in the cellar"


def told(gone) -> list:
    return [Audit("erase", "test", {"blanked": gone.blanked, "removed": dict(gone.rows)})]


def erase(store: Store, *people: str, names=(), accounts=(), blank=False) -> float:
    scope = store.read(lambda connection: of_people(connection, people, accounts, names))
    return store.erase(scope if not blank else scope.__class__(**{**vars(scope), "blank": True}), told)


@pytest.fixture
def store(tmp_path):
    store = Store.open(tmp_path / "store.duckdb")
    history = History(store)
    for number in range(40):
        turn = history.answer("ann", f"I tell of {SECRET}, number {number}", prompt=f"What of {SECRET} {number}?")
        history.say("ann", turn, vote=-1, rewrite=f"A better {SECRET} {number}")
        history.say("bob", history.answer("bob", f"nothing of it {number}"), vote=1)
    yield store
    store.close()


def everything(folder) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def test_the_bytes_of_an_erased_person_are_gone_and_those_of_others_are_not(store, tmp_path):
    store.append(store.audit("first", "test", {}))
    before = store.rows("SELECT * FROM turns WHERE person = 'bob' ORDER BY seq")
    assert SECRET.encode() in everything(tmp_path)
    scope = store.read(lambda connection: of_people(connection, ["ann"], [], []))
    affected = store.read(lambda connection: erasing.affected(connection, scope))
    assert affected.rows == {"turn": 40, "reply": 40, "feedback": 40, "consent": 1}
    assert len(affected.texts) == 120
    erase(store, "ann")
    assert SECRET.encode() not in everything(tmp_path)
    assert b'"ann"' not in everything(tmp_path)
    assert store.rows("SELECT * FROM turns WHERE person = 'bob' ORDER BY seq") == before
    assert store.rows("SELECT count(*) AS n FROM votes") == [{"n": 40}]
    assert store.verify_audit() == 2
    History(store).answer("bob", "one more")
    store.close()
    again = Store.open(tmp_path / "store.duckdb")
    assert again.rows("SELECT count(*) AS n FROM turns") == [{"n": 41}]
    assert again.verify_audit() == 2
    again.close()


def test_what_was_acknowledged_while_the_file_is_exchanged_is_there_and_what_comes_too_late_is_not(store, tmp_path):
    late = store.rows("SELECT turn_id FROM turn WHERE person = 'ann' LIMIT 1")[0]["turn_id"]
    stop, counts = threading.Event(), {"written": 0, "read": 0}

    def write() -> None:
        while not stop.is_set():
            store.append(Flag(f"turn-{counts['written']}", "user", None, "kept"))
            counts["written"] += 1

    def read() -> None:
        while not stop.is_set():
            assert store.rows("SELECT count(*) AS n FROM turns WHERE person = 'bob'") == [{"n": 40}]
            counts["read"] += 1

    threads = [threading.Thread(target=work) for work in (write, read, read)]
    for thread in threads:
        thread.start()
    for _ in range(5):
        erase(store, "ann")
    stop.set()
    for thread in threads:
        thread.join()
    assert min(counts.values()) > 5
    store.append(Reply(late, f"too late: {SECRET}", "stop", 1, 1, 1.0, 1.0, None, []))
    assert store.rows("SELECT count(*) AS n FROM flag") == [{"n": counts["written"]}]
    store.close()
    assert SECRET.encode() not in everything(tmp_path)


def test_a_decision_that_names_somebody_is_blanked_and_the_chain_holds_because_a_later_row_says_so(store, tmp_path):
    store.append(store.audit("account.make", "test", {"account": "a1", "name": "Ann Q. Zebra", "role": "user"}))
    store.append(store.audit("promote", "test", {"reason": "ann q. zebra asked for it"}))
    store.append(store.audit("promote", "test", {"reason": "Mann Q. Zebras"}))
    scope = store.read(lambda connection: of_people(connection, ["account:a1"], ["a1"], ["Ann Q. Zebra"]))
    affected = store.read(lambda connection: erasing.affected(connection, scope))
    assert [[row["action"] for row in rows] for rows in (affected.told, affected.named)] == [
        ["account.make"],
        ["promote"],
    ]
    erase(store, "account:a1", accounts=["a1"], names=["Ann Q. Zebra"])
    assert [row["detail"] for row in store.rows("SELECT detail FROM audit ORDER BY seq")][:2] == [
        {"erased": True}, {"reason": "ann q. zebra asked for it"}
    ]  # fmt: skip
    erase(store, names=["Ann Q. Zebra"], blank=True)
    assert store.verify_audit() == 5
    assert b"ann q. zebra" not in everything(tmp_path).lower().replace(b"mann q. zebras", b"")
    store._writer.change(  # somebody who edits the file by hand
        lambda connection: connection.execute("UPDATE audit SET detail = '{}' WHERE action = 'promote'") and [],
        lambda connection: connection,
        (),
    ).result()
    with pytest.raises(StoreBroken, match="promote"):
        store.verify_audit()


def test_what_they_ask_between_the_look_and_the_deleting_goes_as_well(store, tmp_path):
    scope = store.read(lambda connection: of_people(connection, ["ann"], (), ()))
    late = History(store).answer("ann", f"asked in another tab: {SECRET}")
    store.erase(scope, told)
    store.append(Flag(late, "user", None, f"and flagged: {SECRET}"))
    assert store.rows("SELECT * FROM flag") == [] and len(store.rows("SELECT * FROM reply")) == 40
    assert SECRET.encode() not in everything(tmp_path)


def test_an_actor_whose_old_id_has_a_name_in_it_is_blanked(store):
    for actor in ("user:a1:ann@example.com", "user:" + "0" * 24):
        store.append(store.audit("promote", actor, {}))
    erase(store, "user:a1:ann@example.com", "user:" + "0" * 24)
    assert [row["actor"] for row in store.rows("SELECT actor FROM audit ORDER BY seq")] == [
        "erased", "user:" + "0" * 24, "test"
    ]  # fmt: skip
    assert store.verify_audit() == 3


def test_a_copy_that_cannot_be_made_leaves_the_store_in_use_and_is_made_the_next_time(store, tmp_path):
    (tmp_path / "store.duckdb.fresh").mkdir()
    with pytest.raises((NotStored, IsADirectoryError)):
        erase(store, "ann")
    assert store.rows("SELECT count(*) AS n FROM turn WHERE person = 'ann'") == [{"n": 0}]
    History(store).answer("bob", "one more")
    (tmp_path / "store.duckdb.fresh").rmdir()
    erase(store, "ann")
    assert SECRET.encode() not in everything(tmp_path)
    assert store.rows("SELECT count(*) AS n FROM turn") == [{"n": 41}]


# What operators and the program say, of nobody in particular; the lists of `quarantine` are cleaned, see below.
OF_NOBODY = {
    *("audit", "erasure", "proposal", "run", "adapter", "experiment", "routing", "import", "quarantine"),
    *("rollout", "drill", "segment_champion", "drift_window", "drift_alarm", "evaluation", "preference"),
}
IDS = {"turn_id": "turn-x", "person": "zoe", "account_id": "a9", "conversation_id": "talk-x"}


def test_every_table_that_can_hold_a_person_is_erased_also_one_that_comes_later(tmp_path):
    """Whoever adds a table names its people as the others do, or says here that it has none."""
    store = Store.open(tmp_path / "store.duckdb")
    fillings = {"VARCHAR": SECRET, "JSON": [SECRET], "BIGINT": 1, "DOUBLE": 1.0, "BOOLEAN": True}
    for event in ALL_EVENTS:
        values = {name: IDS.get(name, fillings[kind]) for name, kind in column_types(event).items()}
        store.append(event(**values))
    store.append(Quarantine("g", "hold", "step", "why", ["zoe", "bob"], ["turn-x", "turn-b"], "learner", None))
    store.append(Review("turn-b", "zoe", "decide", None, True, True, "a better answer", f"as {SECRET} says"))
    erase(store, "zoe", accounts=["a9"])
    left = {event.table for event in ALL_EVENTS if SECRET in str(store.rows(f"SELECT * FROM {event.table}"))}
    assert left <= OF_NOBODY
    lists = store.rows("SELECT people, turns FROM quarantine WHERE group_id = 'g'")
    assert lists == [{"people": ["bob"], "turns": ["turn-b"]}]
    kept = store.rows("SELECT reviewer, correction, note FROM review")
    assert kept == [{"reviewer": "zoe", "correction": "a better answer", "note": None}]
    store.close()
