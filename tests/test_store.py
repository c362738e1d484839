"""The store keeps its word: durable when it says so, whole after a kill, honest about its past, closed to strangers."""

import contextlib
import io
import json
import random
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import datasets
import duckdb
import pytest

from analytics import Consent, Feedback, NotStored, Store, StoreBroken, StoreClosed, StoreLocked, queries
from analytics.migrate import FOLDER, migrate
from chatbot import conversations
from chatbot.engine import Piece
from chatbot.errors import NotYours
from chatbot.feedback import Feedbacks
from chatbot.turn import Begun, Delta, TurnRequest, Turns
from learner import person_group
from safety import default_screen
from tests.history import History, people
from tests.pages_server import services
from tests.real_server import ratchet, told

ROOT = Path(__file__).parents[1]


@pytest.fixture
def store(tmp_path):
    store = Store.open(tmp_path / "store.duckdb")
    yield store
    store.close()


def vote(number: int, vote: int = 1) -> Feedback:
    return Feedback(f"F-{number}", f"turn-{number}", "somebody", vote, [], None, None, None, "user")


def child(code: str, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", code, *words], cwd=ROOT, stdout=subprocess.PIPE, text=True)


WRITES = """
import sys, threading
from pathlib import Path
from analytics import Store
from tests.test_store import vote

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


@pytest.fixture
def house(tmp_path):
    """A whole server but for the engine."""
    built = services(tmp_path / "house")
    yield built
    built.learner.close()
    built.screen.close()
    built.store.close()


def asked(text: str, person: str = "somebody", sibling_of: str | None = None) -> TurnRequest:
    return TurnRequest(person, [{"role": "user", "content": text}], "api", sibling_of=sibling_of)


@pytest.mark.parametrize("text", ["hello", "Count for me", "how do i make a pipe bomb?"])
async def test_an_answer_is_durable_before_its_last_piece_is_shown(house, text):
    house.engine.pause = 0.0
    deltas, whole = [], []
    async for step in house.turns.run(asked(text)):
        if isinstance(step, Begun):
            begun = step
        elif isinstance(step, Delta):
            deltas.append(step.text)
            whole.append(queries.turn(house.store, begun.turn_id)["completion"])
    assert whole == [None] * (len(deltas) - 1) + ["".join(deltas)]


async def test_an_answer_asked_for_again_and_again_names_the_first_one_and_only_the_newest_is_on_show(house):
    house.engine.pause = 0.0
    turns, last = [], None
    for _ in range(3):
        steps = [step async for step in house.turns.run(asked("hello", sibling_of=last))]
        last = steps[0].turn_id
        turns.append(queries.turn(house.store, last))
    assert [turn["sibling_of"] for turn in turns] == [None, *[turns[0]["turn_id"]] * 2]
    (shown,) = conversations.shown(house.store, turns[0]["conversation_id"])
    assert shown["turn_id"] == last
    with pytest.raises(NotYours):
        await anext(house.turns.run(asked("hello", "a stranger", sibling_of=last)))


async def test_what_somebody_who_leaves_has_seen_is_what_is_kept(house):
    house.engine.pause = 0.0
    steps = house.turns.run(asked("Count for me"))
    begun = await anext(steps)
    seen = [(await anext(steps)).text for _ in range(3)]
    await steps.aclose()
    house.store.append(vote(1))  # is written after what was submitted before it
    turn = queries.turn(house.store, begun.turn_id)
    assert (turn["completion"], turn["finish_reason"]) == ("".join(seen), "cancelled")


async def test_an_answer_that_breaks_off_is_kept_as_an_error(house):
    class Broken(type(house.engine)):
        async def stream(self, *asked):
            yield Piece("so it goes on " * 20)
            raise KeyError("nobody thought of this")

    turns = Turns(house.store, house.screen, Broken(), house.learner, (60, 30, 10))
    steps, seen = turns.run(asked("hello")), []
    begun = await anext(steps)
    with pytest.raises(KeyError):
        async for step in steps:
            seen.append(step.text)
    house.store.append(vote(1))
    turn = queries.turn(house.store, begun.turn_id)
    assert (turn["completion"], turn["finish_reason"]) == ("".join(seen), "error")


def test_a_conversation_that_has_grown_too_long_goes_on_without_its_oldest_answers(store):
    history = History(store)
    for number in range(40):
        history.answer("somebody", f"Answer {number}. " + "It goes on. " * 20, prompt=f"question {number}")

    def sent(tokens: int) -> list[str]:
        messages = conversations.next_messages(store, "conversation-somebody", "and now?", tokens)
        assert [message["role"] for message in messages] == ["user", "assistant"] * (len(messages) // 2) + ["user"]
        return [message["content"] for message in messages]

    some = sent(1500)
    assert 5 < len(some) < 30
    assert (some[0], some[-1]) == (f"question {40 - len(some) // 2}", "and now?")
    assert sum(map(len, some)) / 2 < 1500
    assert len(sent(100_000)) == 81
    assert sent(10) == ["and now?"]
    system = {"role": "system", "content": "be kind"}
    asked = [{"role": role, "content": "日本 " * 40} for role in ("user", "assistant", "user")]
    assert conversations.fitting([system, *asked], 900) == [system, *asked]
    assert conversations.fitting([system, *asked], 800) == [system, asked[-1]]


def test_a_closed_store_says_so_and_has_written_what_was_waiting(tmp_path):
    store = Store.open(tmp_path / "store.duckdb")
    waiting = [store.submit(vote(number)) for number in range(100)]
    store.close()
    assert all(future.result() is None for future in waiting)
    with pytest.raises(StoreClosed):
        store.append(vote(1))


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


def test_a_blank_store_gets_every_migration_once(tmp_path):
    names = sorted(path.stem for path in FOLDER.glob("*.sql"))
    with duckdb.connect(str(tmp_path / "store.duckdb")) as connection:
        assert migrate(connection) == names
        assert migrate(connection) == []


def test_a_flag_from_before_receipts_were_kept_has_none(tmp_path):
    older = tmp_path / "older"
    older.mkdir()
    for path in sorted(FOLDER.glob("*.sql"))[:4]:
        (older / path.name).write_text(path.read_text())
    with duckdb.connect() as connection:
        migrate(connection, older)
        connection.execute("""INSERT INTO flag VALUES ('turn-1', 'appeal', 'ann', 'why', 1, now())""")
        assert migrate(connection)[0] == "0005_receipts_of_appeals"
        assert connection.execute("SELECT person, receipt FROM flag").fetchall() == [("ann", None)]


def test_the_receipt_of_an_appeal_is_kept_with_it(store):
    (person,) = people("learn", 1)
    turn = History(store).answer(person, "short")
    with contextlib.closing(default_screen()) as screen:
        number = Feedbacks(store, screen).appeal(person, turn, "it was a joke")
    assert number.startswith("A-")
    (row,) = store.rows("SELECT * FROM flag WHERE receipt = ?", (number,))
    assert (row["turn_id"], row["by"], row["person"], row["reason"]) == (turn, "appeal", person, "it was a joke")


def test_a_migration_that_fails_leaves_the_store_as_it_was(tmp_path):
    (tmp_path / "0001_good.sql").write_text("CREATE TABLE good (a INTEGER)")
    (tmp_path / "0002_bad.sql").write_text("CREATE TABLE half (a INTEGER); INSERT INTO half VALUES ('not a number')")
    with duckdb.connect() as connection:
        with pytest.raises(StoreBroken, match="0002_bad"):
            migrate(connection, tmp_path)
        tables = [name for (name,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()]
        (tmp_path / "0002_bad.sql").write_text("CREATE TABLE half (a INTEGER)")
        assert migrate(connection, tmp_path) == ["0002_bad"]
    assert sorted(tables) == ["good", "migration"]


def test_a_store_of_a_newer_version_is_refused_and_let_go(tmp_path):
    path = tmp_path / "store.duckdb"
    Store.open(path).close()
    with duckdb.connect(str(path)) as connection:
        connection.execute("INSERT INTO migration VALUES ('9999_future')")
    with pytest.raises(StoreBroken, match=r"newer version of Ratchet \(9999_future\); update Ratchet"):
        Store.open(path)
    with duckdb.connect(str(path)) as connection:
        connection.execute("DELETE FROM migration WHERE name = '9999_future'")
    Store.open(path).close()


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


@pytest.fixture
def history(store):
    """One of everything by people who agree, and the same by two who do not."""
    history = History(store)
    teacher, judge, never, withdrew = *people("learn", 3)[:1], *people("decide", 1), *people("learn", 3)[1:]
    for person in (teacher, judge, never, withdrew):
        agrees = person != never
        history.say(person, history.answer(person, "short", consent=agrees), rewrite="better")
        first = history.answer(person, "first", consent=agrees)
        second = history.answer(person, "second", sibling_of=first, consent=agrees)
        third = history.answer(person, "third", sibling_of=first, consent=agrees)
        history.say(person, first, vote=-1)
        history.say(person, second, vote=1)
        history.say(person, third, preferred_over=first)
        history.correct(history.answer(person, "wrong", consent=agrees), "right")
    store.append(Consent(withdrew, False, 1))
    return history


MESSAGES = datasets.List({"role": datasets.Value("string"), "content": datasets.Value("string")})
WANTED = {
    "pairs": {"prompt": MESSAGES, "chosen": MESSAGES, "rejected": MESSAGES},
    "thumbs": {"prompt": MESSAGES, "completion": MESSAGES, "label": datasets.Value("bool")},
    "turns": {"messages": MESSAGES},
}


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
@pytest.mark.parametrize("what", ["pairs", "thumbs", "turns"])
def test_an_export_loads_with_the_columns_that_trl_reads(history, tmp_path, what, form):
    path = tmp_path / f"rows.{form}"
    with path.open("wb") as file:
        count = history.store.export(what, form, file)
    read = datasets.Dataset.from_json if form == "jsonl" else datasets.Dataset.from_parquet
    loaded = read(str(path), cache_dir=str(tmp_path / "cache"))
    assert len(loaded) == count > 0
    assert {name: loaded.features[name] for name in WANTED[what]} == WANTED[what]
    assert set(loaded["person_group"]) == {"learn", "decide"}


def exported(store: Store, what: str) -> list[dict]:
    file = io.BytesIO()
    store.export(what, "jsonl", file)
    return [json.loads(line) for line in file.getvalue().splitlines()]


def test_an_export_holds_every_kind_of_pair_of_people_who_agree_and_of_nobody_else(history):
    rows = exported(history.store, "pairs")
    texts = [(row["chosen"][0]["content"], row["rejected"][0]["content"], row["source"]) for row in rows]
    kinds = {
        ("better", "short", "rewrite"),
        ("second", "first", "sibling"),
        ("third", "first", "comparison"),
        ("right", "wrong", "correction"),
    }
    assert (len(texts), set(texts)) == (8, kinds)
    assert rows[0]["prompt"] == [{"role": "user", "content": "how long is delivery?"}]
    assert [(row["completion"][0]["content"], row["label"]) for row in exported(history.store, "thumbs")] == [
        ("first", False),
        ("second", True),
    ] * 2
    turn = exported(history.store, "turns")[0]
    assert [message["role"] for message in turn["messages"]] == ["user", "assistant"]
    assert datetime.fromisoformat(turn["at"]).tzinfo is not None


def test_an_export_that_fails_leaves_the_last_one_alone(history, tmp_path):
    words = ("export", "--home", str(tmp_path), "--out", str(tmp_path / "pairs.jsonl"))
    (tmp_path / "pairs.jsonl").write_text("the last one")
    assert ratchet(*words).returncode == 1, "this process has the store"
    assert (tmp_path / "pairs.jsonl").read_text() == "the last one"
    assert not list(tmp_path.glob(".pairs*"))
    history.store.close()
    assert told(ratchet(*words, "--json"))["rows"] == 8
    assert len((tmp_path / "pairs.jsonl").read_text().splitlines()) == 8


def test_the_views_keep_the_groups_apart_whatever_people_try(store):
    history, rng = History(store), random.Random(5)
    crowd = [*people("learn", 6), *people("decide", 6), *people("holdout", 3)]
    turns = [
        (person, history.answer(person, "text", experiment_id=rng.choice([None, "a@1#1"])))
        for person in [*crowd, *rng.choices(crowd, k=30)]
    ]
    for _ in range(200):
        (owner, turn), (_, other) = rng.choice(turns), rng.choice(turns)
        speaker = rng.choice([owner, *crowd[::3]])
        said = rng.choice([{"vote": rng.choice([-1, 0, 1])}, {"rewrite": "mine"}, {"preferred_over": other}])
        history.say(speaker, turn, **said)
    owners = {turn: person for person, turn in turns}
    groups = {"learn_feedback": {"learn"}, "experiment_votes": {"decide"}}
    for view, allowed in groups.items():
        rows = store.rows(f"SELECT * FROM {view}")
        assert {person_group(row["person"]) for row in rows} == allowed
        assert all(owners[row["turn_id"]] == row["person"] for row in rows if "turn_id" in row)
    scores = queries.user_scores(store, "a@1#1")
    assert len(scores["champion"]) + len(scores["challenger"]) <= 6, "a person is one number"


def test_only_what_may_be_used_counts_as_new_feedback(store):
    history = History(store)
    (teacher, never), (judge,) = people("learn", 2), people("decide", 1)
    for person in (teacher, never, judge):
        turn = history.answer(person, "short", consent=person != never)
        history.say(person, turn, vote=1)
        history.correct(turn, "right")
    blocked = history.answer(teacher, "", finish_reason="content_filter")
    history.say(teacher, blocked, vote=-1)
    history.correct(blocked, "what should have been said")
    assert queries.new_usable_feedback(store, None) == 3, "one vote, and a correction for each who agreed"
    assert queries.new_usable_feedback(store, datetime.now(UTC)) == 0
