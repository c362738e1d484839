"""What people in the chat notice of a training beside it: the time to the first token, idle and while a lap trains.

A real server with a real vLLM is asked at a set rate, in turns with and without a training, which runs as a lap does:
a session of its own, below the server in priority, with `train_threads` threads. Goal: the 95th percentile while
training is at most 1.5 times that without. Run as: ./ratchet bench beside --json
"""

from __future__ import annotations

import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from benchmarks import tell
from benchmarks.gateway.processes import BenchmarkFailed, Target, put_load, running, until_ready
from benchmarks.gateway.targets import plain_environment
from benchmarks.train import made
from learner import free_port
from learner.process import child_environment, yield_to_chat

ROOT = Path(__file__).resolve().parents[1]
READY_SECONDS, TRAINS_SECONDS, POLL_SECONDS = 180.0, 120.0, 0.2
QUESTIONS = ("how long is delivery to {}?", "can i return a {}?", "is there a warranty on a {}?", "where is my {}?")


@contextlib.contextmanager
def _server(folder: Path) -> Iterator[Target]:
    port, log = free_port(), folder / "server.log"
    environ = plain_environment() | {"RATCHET_LEARN_EVERY_HOURS": "0", "RATCHET_LEARN_AFTER_FEEDBACK": "0"}
    words = [sys.executable, "-m", "chatbot", "up", "--home", str(folder / "home"), "--port", str(port)]
    with running(words, environ, log) as keeper:
        url = f"http://127.0.0.1:{port}"
        until_ready(keeper, f"{url}/readyz", READY_SECONDS, log)
        yield Target("ratchet", url, "default", {}, keeper.pid)


@contextlib.contextmanager
def training(folder: Path, threads: int) -> Iterator[None]:
    """A training that is under way when the block begins, and ended with it. Raises BenchmarkFailed."""
    words = [sys.executable, "-m", "benchmarks.beside", "--train", str(folder), "--threads", str(threads)]
    figures = folder / "figures.jsonl"
    figures.unlink(missing_ok=True)
    with (folder / "training.log").open("wb") as log:
        child = subprocess.Popen(
            words, cwd=ROOT, env=child_environment(threads), stdout=log, stderr=log, start_new_session=True
        )
    try:
        end = time.monotonic() + TRAINS_SECONDS
        while not (figures.exists() and figures.stat().st_size):
            if child.poll() is not None or time.monotonic() > end:
                raise BenchmarkFailed(f"The training did not begin:\n{(folder / 'training.log').read_text()[-2000:]}")
            time.sleep(POLL_SECONDS)
        yield
        if child.poll() is not None:
            raise BenchmarkFailed("The training ended while it was to be measured.")
    finally:
        child.kill()
        child.wait()


def train(folder: Path, threads: int) -> None:
    """Train as a lap does, for longer than anybody measures."""
    yield_to_chat(threads)
    from learner.lessons import Lessons
    from learner.pair import Pair
    from learner.recipes.dpo import train as dpo
    from learner.recipes.task import task
    from learner.settings import LapSettings
    from learner.starter import MODEL_DIR

    rows = made(128, 240, seed=0)
    pairs = [
        Pair(f"t-{n}", "p", tuple(r["prompt"]), r["chosen"], r["rejected"], "comparison") for n, r in enumerate(rows)
    ]
    settings = LapSettings(train_threads=threads, dpo_epochs=2_000)
    dpo(task(str(MODEL_DIR), "starter", Lessons(pairs), folder, settings, time.monotonic() + 7200, lambda *_: None))


def ttft_p95(target: Target, rate: float, seconds: float, tokens: int, seed: int) -> dict[str, float]:
    """The 95th percentile and the median of the time to the first token, in ms."""
    bodies = [
        {
            "model": target.model, "stream": True, "max_tokens": tokens, "stream_options": {"include_usage": True},
            "messages": [{"role": "user", "content": QUESTIONS[n % len(QUESTIONS)].format(seed * 1000 + n)}],
        }
        for n in range(200)
    ]  # fmt: skip
    seen = put_load(target, bodies=bodies, rate=rate, seconds=seconds, seed=seed, limit_seconds=seconds + 60)
    failed = [answer.trouble for answer in seen.answers if answer.trouble]
    times = [answer.ttft_ms for answer in seen.answers if not answer.trouble]
    if not times:
        raise BenchmarkFailed(f"Nothing was answered: {failed[:1]}")
    return {"p95": float(np.percentile(times, 95)), "p50": float(np.median(times)), "failed": len(failed)}


def measure(rate: float, seconds: float, tokens: int, rounds: int, threads: int) -> dict[str, Any]:
    """Both in turns. The ratio is the median of those of the rounds, so that noise of the machine falls on both."""
    idle, busy = [], []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with _server(folder) as target:
            ttft_p95(target, rate, min(5.0, seconds), tokens, seed=999)  # what comes first is slow
            for number in range(rounds):
                idle.append(ttft_p95(target, rate, seconds, tokens, number))
                with training(folder, threads):
                    busy.append(ttft_p95(target, rate, seconds, tokens, number))
                sys.stderr.write(f"round {number + 1}: idle {idle[-1]}, while training {busy[-1]}\n")
    ratios = [b["p95"] / i["p95"] for i, b in zip(idle, busy, strict=True)]
    return {
        "ttft_p95_ratio": round(statistics.median(ratios), 2),
        "ratios": [round(ratio, 2) for ratio in ratios],
        "idle_p95_ms": round(statistics.median(one["p95"] for one in idle), 1),
        "training_p95_ms": round(statistics.median(one["p95"] for one in busy), 1),
        "idle_p50_ms": round(statistics.median(one["p50"] for one in idle), 1),
        "training_p50_ms": round(statistics.median(one["p50"] for one in busy), 1),
        "failed": sum(one["failed"] for one in (*idle, *busy)),
        "rate": rate,
        "train_threads": threads,
        "cores": os.cpu_count(),
    }


def main(
    rate: Annotated[float, typer.Option(help="Questions a second.")] = 2.0,
    seconds: Annotated[float, typer.Option(help="How long each turn takes.")] = 30.0,
    tokens: Annotated[int, typer.Option(help="Longest answer.")] = 64,
    rounds: Annotated[int, typer.Option(help="Turns of each kind.")] = 3,
    threads: Annotated[int, typer.Option(help="train_threads.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, last.")] = False,
    train_in: Annotated[Path | None, typer.Option("--train", hidden=True)] = None,
) -> None:
    """Measure what the chat notices of a training."""
    if train_in is not None:
        train(train_in, threads)
        return
    tell(measure(rate, seconds, tokens, rounds, threads), as_json)


if __name__ == "__main__":
    typer.run(main)
