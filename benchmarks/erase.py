"""How long an erasure takes, and what those who write and read meanwhile feel. Run as: python -m benchmarks.erase

Makes a store of many turns of a thousand people, each with a vote and every tenth with a rewrite, erases one of them,
and lets one thread append and two read all the while.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import threading
import time
from pathlib import Path

import duckdb

from analytics import Audit, Flag, Store
from analytics.erasing import of_people
from analytics.migrate import migrate

PEOPLE = 1000
FISH = "the zebrafish in the cellar"
_TURNS = """
    INSERT INTO turn SELECT 'turn-' || n, 'talk-' || (n // 4), 'person-' || (n % $people), 'learn',
        json_array(json_object('role', 'user', 'content', if(n % $people = 7, $secret, 'a question') || ' ' || n || ' '
            || repeat(md5(n::VARCHAR), 4))), 'champion', 'base', repeat('0', 64), NULL, NULL, NULL, 'api', '{}', '[]',
        3 * n, now()::TIMESTAMP FROM range($turns) AS t(n);
"""
_REPLIES = """
    INSERT INTO reply BY NAME SELECT 'turn-' || n AS turn_id, 'an answer ' || n || repeat(md5(n::VARCHAR), 10)
        AS completion, 'stop' AS finish_reason, 9 AS prompt_tokens, 80 AS completion_tokens, 9.0 AS ttft_ms,
        90.0 AS duration_ms, NULL AS logprob, '[]' AS verdicts, 3 * n + 1 AS seq, now()::TIMESTAMP AS "at"
    FROM range($turns) AS t(n);
"""
_FEEDBACK = """
    INSERT INTO feedback BY NAME SELECT 'F-' || n AS feedback_id, 'turn-' || n AS turn_id,
        'person-' || (n % $people) AS person, 1 AS vote, '[]' AS reasons, if(n % 10 = 7, $secret || n, NULL) AS rewrite,
        'user' AS source, '{}' AS survey, '[]' AS critique, 3 * n + 2 AS seq, now()::TIMESTAMP AS "at"
    FROM range($turns) AS t(n);
"""


def main() -> None:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=100_000)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = measured(Path(folder) / "store.duckdb", given.turns)
    if given.json:
        print(json.dumps(figures))
        return
    for name, value in figures.items():
        print(f"{name:32} {value}")


def measured(path: Path, turns: int) -> dict[str, float | int | bool]:
    """The figures, by name; times in seconds."""
    _fill(path, turns)
    store = Store.open(path)
    size, stop = path.stat().st_size, threading.Event()
    waits: dict[str, list[float]] = {"append": [], "read": []}

    def again(name: str) -> None:
        while not stop.is_set():
            began = time.perf_counter()
            if name == "append":
                store.append(Flag("turn-1", "user", None, "kept"))
            else:
                store.rows("SELECT * FROM turn WHERE turn_id = 'turn-1'")
            waits[name].append(time.perf_counter() - began)
            time.sleep(0.005)

    threads = [threading.Thread(target=again, args=(name,)) for name in ("append", "read", "read")]
    for thread in threads:
        thread.start()
    time.sleep(1.0)
    quiet = {name: max(waits[name]) for name in waits}
    began = time.perf_counter()
    scope = store.read(lambda connection: of_people(connection, ["person-7"], (), ()))
    paused = store.erase(scope, lambda gone: [Audit("erase", "bench", {"rows": dict(gone.rows)})])
    took = time.perf_counter() - began
    stop.set()
    for thread in threads:
        thread.join()
    appended = len(waits["append"])
    (kept,) = store.rows("SELECT count(*) AS flags FROM flag")
    store.close()
    return {
        "turns": turns,
        "erased_turns": len(scope.turns),
        "megabytes_before": round(size / 1e6, 1),
        "megabytes_after": round(path.stat().st_size / 1e6, 1),
        "seconds": round(took, 3),
        "seconds_of_writing_paused": round(paused, 3),
        "longest_append": round(max(waits["append"]), 3),
        "longest_append_before": round(quiet["append"], 3),
        "longest_read": round(max(waits["read"]), 3),
        "longest_read_before": round(quiet["read"], 3),
        "appends_lost": appended - int(kept["flags"]),
        "bytes_left": path.read_bytes().count(f"{FISH} 7 ".encode()),
    }


def _fill(path: Path, turns: int) -> None:
    with duckdb.connect(str(path)) as connection:
        migrate(connection)
        given = {"turns": turns, "people": PEOPLE, "secret": FISH}
        for sql in (_TURNS, _REPLIES, _FEEDBACK):
            connection.execute(sql, {name: value for name, value in given.items() if f"${name}" in sql})


if __name__ == "__main__":
    main()
