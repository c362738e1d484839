"""What group commit buys: durable feedback of many callers at once, through the store's writer and one commit each.

The limit is the disk: every commit waits for it once, so callers who share a commit share the wait.
"""

from __future__ import annotations

import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated

import typer

from analytics import Feedback, Store
from benchmarks import tell

ROUNDS = 5


def event(number: int) -> Feedback:
    """One vote."""
    return Feedback(
        feedback_id=f"F-{number}",
        turn_id=f"turn-{number}",
        person=f"person-{number}",
        vote=1,
        reasons=[],
        comment=None,
        rewrite=None,
        preferred_over=None,
        source="user",
    )


def rate(append: Callable[[int], None], callers: int, events: int) -> float:
    """Durable events per second with `callers` at once."""
    began = time.perf_counter()
    with ThreadPoolExecutor(callers) as pool:
        list(pool.map(append, range(events)))
    return events / (time.perf_counter() - began)


def measure(callers: int, events: int) -> dict[str, float]:
    """Both ways in turn, `ROUNDS` times; the medians and the median of the ratios."""
    alone: list[float] = []
    grouped: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        store = Store.open(Path(folder) / "store.duckdb")
        turn = threading.Lock()

        def one_commit_each(number: int) -> None:
            # Only one at a time may wait in the queue, so nothing is there to be gathered.
            with turn:
                store.append(event(number))

        for _ in range(ROUNDS):
            alone.append(rate(one_commit_each, callers, events))
            grouped.append(rate(lambda number: store.append(event(number)), callers, events))
        store.close()
    ratios = [g / a for g, a in zip(grouped, alone, strict=True)]
    return {
        "callers": callers,
        "one_commit_each_per_s": round(statistics.median(alone), 1),
        "group_commit_per_s": round(statistics.median(grouped), 1),
        "ratio": round(statistics.median(ratios), 2),
    }


def main(
    callers: Annotated[int, typer.Option(help="Callers at the same time.")] = 64,
    events: Annotated[int, typer.Option(help="Events in each round.")] = 512,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, last.")] = False,
) -> None:
    """Measure group commit against one commit for each event."""
    tell(measure(callers, events), as_json)


if __name__ == "__main__":
    typer.run(main)
