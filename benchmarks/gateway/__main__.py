"""Ratchet's web server beside what it stands in front of. Run as: ./ratchet bench gateway --json"""

from __future__ import annotations

import contextlib
import json
import signal
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from benchmarks.gateway.figures import Overhead, Throughput, assemble
from benchmarks.gateway.overhead import TOKEN_MS, measure_latency, measure_max_rps
from benchmarks.gateway.targets import fake, ratchet
from chatbot.settings import Settings

progress = Console(stderr=True, highlight=False)


def measure_fake(folder: Path, tokens: int, rounds: int) -> Overhead:
    """The part before the fake engine."""
    overhead = Overhead()
    with contextlib.ExitStack() as stack:
        engine = stack.enter_context(fake(folder, TOKEN_MS, Settings.load({}, {}).whole("stream_interval")))
        targets = [engine, stack.enter_context(ratchet(folder, engine))]
        measure_latency(targets, tokens, rounds, overhead, progress.print)
        measure_max_rps(targets, tokens, overhead, progress.print)
    return overhead


def main(
    rounds: Annotated[int, typer.Option(help="Rounds, in which the targets take turns.", min=1, max=50)] = 5,
    tokens: Annotated[int, typer.Option(help="Tokens of every answer.", min=2, max=512)] = 64,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, last.")] = False,
) -> None:
    """Measure what Ratchet's web server costs."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with tempfile.TemporaryDirectory() as folder:
        overhead = measure_fake(Path(folder), tokens, rounds)
    print(json.dumps(assemble(overhead, Throughput())))


if __name__ == "__main__":
    typer.run(main)
