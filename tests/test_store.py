"""The store keeps its word: durable when it says so, whole after a kill, honest about its past, closed to strangers."""

import contextlib
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from analytics import Feedback, NotStored, Store, StoreBroken, StoreClosed, StoreLocked, queries, recent
from chatbot.feedback import Feedbacks
from chatbot.metrics import Metrics
from safety import default_screen
from tests.history import History, people, vote
from tests.real_server import ratchet, told

ROOT = Path(__file__).parents[1]


def child(code: str, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", code, *words], cwd=ROOT, stdout=subprocess.PIPE, text=True)


WRITES = """
import sys, threading
from pathlib import Path
from analytics import Store
from tests.history import vote

store = Store.open(Path(sys.argv[1]))

def write(first):
    for number in range(first, 10**9, 8):
        store.append(vote(number), store.audit("vote", "test", {"number": number}))
        sys.stdout.write(f"{number}\\n")  # one write, so that lines of threads do not mix
        sys.stdout.flush()

for first in range(8):
    threading.Thread(target=write, args=(first,)).start()
"""


HOLDS = """
import sys, time
from pathlib import Path
from analytics import Store

store = Store.open(Path(sys.argv[1]))
print("open", flush=True)
time.sleep(600)
"""


def test_nothing_acknowledged_is_missing_after_a_kill(tmp_path):
    writer = child(WRITES, str(tmp_path / "store.duckdb"))
    acknowledged = [int(writer.stdout.readline()) for _ in range(300)]
    writer.kill()
    acknowledged += [int(line) for line in writer.stdout.read().splitlines(keepends=True) if line.endswith("\n")]
    writer.wait()
    writer.stdout.close()
    store = Store.open(tmp_path / "store.duckdb")
    kept = {row["feedback_id"] for row in store.rows("SELECT feedback_id FROM feedback")}
    assert {f"F-{number}" for number in acknowledged} <= kept
    assert store.verify_audit() == len(kept), "an event and its audit row are kept together or not at all"
    store.append(vote(-1), store.audit("vote", "test", {}))
    assert store.verify_audit() == len(kept) + 1
    store.close()


def test_what_many_threads_append_is_committed_together_and_in_one_order(store):
    start = threading.Barrier(32)

    def write(thread: int) -> None:
        start.wait()
        for number in range(20):
            store.append(vote(100 * thread + number))

    threads = [threading.Thread(target=write, args=(thread,)) for thread in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rows = store.rows('SELECT feedback_id, seq, "at" FROM feedback ORDER BY seq')
    assert [row["seq"] for row in rows] == list(range(640))
    assert len({row["at"] for row in rows}) < 320, "at least two events share a commit on average"
    for thread in range(32):
        mine = [row["feedback_id"] for row in rows if int(row["feedback_id"][2:]) // 100 == thread]
        assert mine == [f"F-{100 * thread + number}" for number in range(20)]


def test_an_event_that_cannot_be_written_takes_no_other_down_with_it(store):
    futures = [store.submit(vote(number, 2**70 if number == 5 else 1)) for number in range(10)]
    assert isinstance(futures.pop(5).exception(), NotStored)
    for future in futures:
        future.result()
    with pytest.raises(NotStored):
        store.append(vote(20), store.audit("bad", "test", {"what": object()}))
    assert queries.counts(store)["feedback"] == 9


def test_a_closed_store_says_so_and_has_written_what_was_waiting(tmp_path):
    store = Store.open(tmp_path / "store.duckdb")
    waiting = [store.submit(vote(number)) for number in range(100)]
    store.close()
    assert all(future.result() is None for future in waiting)
    with pytest.raises(StoreClosed):
        store.append(vote(1))


def test_a_store_that_is_closed_in_the_middle_of_a_read_gives_the_file_back(tmp_path):
    store, ends = Store.open(tmp_path / "store.duckdb"), []
    began = threading.Event()

    def read() -> None:
        began.set()
        try:
            store.rows("SELECT sum(a.range * b.range) FROM range(10_000_000) a, range(10_000_000) b")
        except StoreClosed as error:
            ends.append(str(error))

    reader = threading.Thread(target=read)
    reader.start()
    began.wait()
    store.close()
    store.close()
    reader.join()
    assert len(ends) == 1
    with pytest.raises(StoreClosed):
        store.rows("SELECT 1")
    duckdb.connect(str(tmp_path / "store.duckdb"), config={"threads": 1}).close()


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE audit SET detail = '{\"to\":\"a@9\"}' WHERE action = 'promote'",
        "UPDATE audit SET actor = 'nobody' WHERE action = 'promote'",
        'UPDATE audit SET "at" = "at" + INTERVAL 1 SECOND WHERE action = \'promote\'',
        "DELETE FROM audit WHERE action = 'promote'",
        "UPDATE audit SET seq = -1 WHERE action = 'rollback'",
    ],
)
def test_a_changed_past_breaks_the_audit_chain(tmp_path, tampering):
    path = tmp_path / "store.duckdb"
    store = Store.open(path)
    for action in ("start", "promote", "rollback"):
        store.append(store.audit(action, "operator", {"to": "a@1", "share": 0.5, "words": "ü {"}))
    assert store.verify_audit() == 3
    store.close()
    with duckdb.connect(str(path)) as connection:
        connection.execute(tampering)
    store = Store.open(path)
    with pytest.raises(StoreBroken, match="The audit chain breaks at row"):
        store.verify_audit()
    store.close()


def test_the_status_says_whether_the_audit_chain_holds(tmp_path):
    store = Store.open(tmp_path / "store.duckdb")
    store.append(store.audit("promote", "operator", {}), store.audit("rollback", "operator", {}))
    store.close()
    home = ("--home", str(tmp_path))
    assert told(ratchet("status", "--json", *home))["audit"] == {"whole": True, "decisions": 2}
    with duckdb.connect(str(tmp_path / "store.duckdb")) as connection:
        connection.execute("UPDATE audit SET actor = 'nobody' WHERE action = 'promote'")
    assert "The audit chain breaks at row 0 (promote" in ratchet("status", *home).stdout


def test_the_receipt_of_an_appeal_is_kept_with_it(store):
    (person,) = people("learn", 1)
    turn = History(store).answer(person, "short")
    with contextlib.closing(default_screen()) as screen:
        number = Feedbacks(store, screen, Metrics()).appeal(person, turn, "it was a joke")
    assert number.startswith("A-")
    (row,) = store.rows("SELECT * FROM flag WHERE receipt = ?", (number,))
    assert (row["turn_id"], row["by"], row["person"], row["reason"]) == (turn, "appeal", person, "it was a joke")


def test_a_file_that_is_no_store_is_told_in_a_sentence(tmp_path):
    path = tmp_path / "a lock of hair.duckdb"
    path.write_bytes(b"not a database" * 1000)
    with pytest.raises(StoreBroken, match="cannot be opened"):
        Store.open(path)


def test_a_store_that_another_process_holds_is_told_in_a_sentence(tmp_path):
    path = tmp_path / "store.duckdb"
    holder = child(HOLDS, str(path))
    assert holder.stdout.readline() == "open\n"
    with pytest.raises(StoreLocked) as locked:
        Store.open(path)
    holder.kill()
    holder.wait()
    holder.stdout.close()
    assert str(locked.value) == f"Another process has {path} open; stop it, or use another home."


def test_what_comes_back_is_what_went_in(store):
    feedback = Feedback("F-1", "turn-1", "ünal", -1, ["wrong", 'q"uote'], "lone \ud800 half", None, None, "user")
    before = datetime.now(UTC)
    store.append(feedback)
    (row,) = store.rows("SELECT * FROM feedback WHERE person = ?", ("ünal",))
    assert (row["reasons"], row["comment"], row["rewrite"]) == (["wrong", 'q"uote'], "lone ? half", None)
    assert before - timedelta(seconds=1) < row["at"] < datetime.now(UTC) + timedelta(seconds=1)
    assert store.rows('SELECT 1 FROM feedback WHERE "at" < $now', {"now": before - timedelta(hours=1)}) == []


def test_a_turn_reads_the_same_from_memory_and_from_the_file(store, monkeypatch):
    monkeypatch.setattr(recent, "MOST", 2)
    history = History(store)
    asked = history.answer("somebody", "hello", experiment_id="starter@1#1")
    remembered = store.asked(asked)
    history.answer("somebody", "hello again", sibling_of=asked)
    history.answer("somebody else", "hello")
    assert store.asked(asked) == remembered
    assert store.asked(asked) is not remembered
    assert store.asked("turn-of-nobody") is None
