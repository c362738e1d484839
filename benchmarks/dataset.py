"""How long curation takes for as many turns as a busy server has in months, and MinHash beside datasketch's.

Votes, stars, rewrites and regenerated answers of the demo's questions, written as a snapshot; processor time, on one
thread, without the start of Python.
"""

from __future__ import annotations

import json
import random
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import pyarrow as pa
import pyarrow.parquet as pq
import typer

from analytics import Store
from benchmarks import tell
from learner.dataset import curate
from learner.imports.survey import Options, surveyed
from learner.people import person_group
from learner.settings import LapSettings
from learner.starter import STYLES, questions, render
from learner.trust.texts import clusters, plain

BEGAN = datetime(2026, 1, 5, tzinfo=UTC)
TURNS_EACH = 5  # of a person
RATED = 0.6  # of the turns have a vote


def snapshot(folder: Path, turns: int) -> None:
    """The events of so many turns, as a lap gets them."""
    store = Store.open(folder / "store.duckdb")
    store.snapshot(folder)  # the tables that stay empty
    store.close()
    rng = random.Random(0)
    asked = questions(0, min(turns, 20_000))
    rows: dict[str, list[dict[str, object]]] = {name: [] for name in ("turn", "reply", "feedback", "consent")}
    for number in range(turns):
        _turn(rows, number, asked[number % len(asked)], rng)
    for name, found in rows.items():
        empty = pq.read_schema(folder / f"{name}.parquet")
        pq.write_table(pa.Table.from_pylist(found, schema=empty), folder / f"{name}.parquet")


def _turn(rows: dict[str, list[dict[str, object]]], number: int, question, rng: random.Random) -> None:  # noqa: ANN001
    person = f"guest:{number // TURNS_EACH}"
    at = (BEGAN + timedelta(seconds=30 * number)).replace(tzinfo=None)
    base = {"turn_id": f"turn-{number}", "at": at}
    if number % TURNS_EACH == 0:
        rows["consent"].append({"person": person, "given": True, "version": 1, "seq": 4 * number, "at": at})
    rows["turn"].append(
        {
            **base, "person": person, "person_group": person_group(person), "conversation_id": f"talk-{number}",
            "messages": json.dumps(question.messages, separators=(",", ":")), "arm": "champion", "adapter": "base",
            "weights_sha256": "0", "source": "page", "parameters": "{}", "verdicts": "[]", "seq": 4 * number + 1,
        }
    )  # fmt: skip
    text = render(question.intent, rng.choice(STYLES), rng, question.order)
    rows["reply"].append(
        {
            **base, "completion": text, "finish_reason": "stop", "duration_ms": 1.0, "verdicts": "[]",
            "seq": 4 * number + 2,
        }
    )  # fmt: skip
    if rng.random() < RATED:
        better = render(question.intent, rng.choice(STYLES), rng, question.order) if rng.random() < 0.5 else None
        rows["feedback"].append(
            {
                **base, "feedback_id": f"F-{number}", "person": person, "vote": rng.choice([-1, 1, 1]),
                "reasons": "[]", "rewrite": better, "source": "user", "survey": "{}", "critique": "[]",
                "seq": 4 * number + 3,
            }
        )  # fmt: skip


def datasketch_clusters(texts: list[str]) -> int:
    """As many clusters as datasketch's LSH finds, at the same thresholds."""
    from datasketch import MinHash, MinHashLSH

    index = MinHashLSH(threshold=0.5, num_perm=64)
    shingles = [[f" {text} "[at : at + 4].encode() for at in range(len(text) - 1)] or [text.encode()] for text in texts]
    found = 0
    for place, one in enumerate(MinHash.generator(shingles, num_perm=64)):
        if not index.query(one):
            index.insert(place, one)
            found += 1
    return found


def imported(folder: Path, rows: int) -> float:
    """Processor seconds that it takes to read as many preferences, without the filters."""
    path = folder / "pairs.jsonl"
    asked = questions(1, min(rows, 5000))
    with path.open("w") as file:
        for number in range(rows):
            prompt = [{"role": "user", "content": f"{asked[number % len(asked)].messages[-1]['content']} {number}"}]
            chosen, rejected = ([{"role": "assistant", "content": text * 20}] for text in ("It is so. ", "Never. "))
            file.write(json.dumps({"prompt": prompt, "chosen": chosen, "rejected": rejected}) + "\n")
    began = time.process_time()
    surveyed(path, Options(), "0" * 12, folder / "draft.parquet", lambda texts: [None] * len(texts))
    return time.process_time() - began


def main(
    turns: Annotated[int, typer.Option(help="Turns in the store.")] = 100_000,
    texts: Annotated[int, typer.Option(help="Questions that near-duplicates are looked for among.")] = 5000,
    rows: Annotated[int, typer.Option(help="Rows of a file that is imported.")] = 100_000,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, last.")] = False,
) -> None:
    """Measure curation, near-duplicates and the reading of an import."""
    found: dict[str, object] = {"turns": turns}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        snapshot(folder, turns)
        began, wall = time.process_time(), time.perf_counter()
        dataset = curate(folder, LapSettings())
        found |= {
            "curate_cpu_s": round(time.process_time() - began, 1),
            "curate_s": round(time.perf_counter() - wall, 1),
        }
        found |= {"pairs": len(dataset.learn), "ratings": len(dataset.ratings)}
        found["import_rows"], found["import_cpu_s"] = rows, round(imported(folder, rows), 1)
    asked = [plain(question.messages[-1]["content"]) for question in questions(2, texts)]
    for way, count in (("ours", clusters), ("datasketch", datasketch_clusters)):
        began = time.process_time()
        count(asked)
        found[f"minhash_{way}_us"] = round((time.process_time() - began) / len(asked) * 1e6, 1)
    tell(found, as_json)


if __name__ == "__main__":
    typer.run(main)
