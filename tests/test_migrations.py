"""The tables are brought up to date once, and together or not at all."""

import duckdb
import pytest

from analytics import Feedback, Store, StoreBroken
from analytics.migrate import FOLDER, migrate
from analytics.said import all_of


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


def test_feedback_from_before_stars_keeps_its_votes(tmp_path):
    older = tmp_path / "older"
    older.mkdir()
    for path in sorted(FOLDER.glob("*.sql"))[:6]:
        (older / path.name).write_text(path.read_text())
    path = tmp_path / "store.duckdb"
    with duckdb.connect(str(path)) as connection:
        migrate(connection, older)
        connection.execute(
            """
            INSERT INTO turn VALUES ('turn-1', 'talk', 'ann', 'learn', '[{"role": "user", "content": "hi"}]',
                'champion', 'base', '0', NULL, NULL, NULL, 'api', '{}', '[]', 1, now());
            INSERT INTO feedback VALUES ('F-1', 'turn-1', 'ann', -1, '["wrong"]', NULL, NULL, NULL, 'user', 2, now());
            INSERT INTO consent VALUES ('ann', true, 1, 3, now());
            """
        )
    store = Store.open(path)
    assert store.rows("SELECT vote, stars FROM votes") == [{"vote": -1, "stars": None}]
    assert [row["feedback_id"] for row in store.rows("SELECT * FROM learn_feedback")] == ["F-1"]
    assert [row["reason"] for row in store.rows("SELECT * FROM review_queue")] == ["wrong"]
    assert [row["survey"] for row in all_of(store, "ann", "turn-1")] == [None]
    store.append(Feedback("F-2", "turn-1", "ann", 1, [], None, None, None, "user", stars=5))
    assert store.rows("SELECT vote, stars FROM votes") == [{"vote": 1, "stars": 5}]
    store.close()


def test_a_migration_with_a_lower_number_may_come_later(tmp_path):
    (tmp_path / "0001_first.sql").write_text("CREATE TABLE first (a INTEGER)")
    (tmp_path / "0003_third.sql").write_text("CREATE TABLE third (a INTEGER)")
    with duckdb.connect() as connection:
        migrate(connection, tmp_path)
        (tmp_path / "0002_second.sql").write_text("ALTER TABLE first ADD COLUMN b INTEGER")
        assert migrate(connection, tmp_path) == ["0002_second"]
        assert migrate(connection, tmp_path) == []


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
