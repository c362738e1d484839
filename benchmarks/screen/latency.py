"""A message through the whole default screen, with the scorer's process: how long, and how much processor time."""

from __future__ import annotations

import asyncio
import tempfile
import time
from dataclasses import dataclass

import psutil

from benchmarks.gateway.figures import percentiles
from benchmarks.screen.messages import messages
from safety import Context, default_screen
from safety.scorer import ScorerClient, ScorerOptions

WARM_UP = 50
START_SECONDS = 60.0


@dataclass(frozen=True)
class Latency:
    """Milliseconds of a message, by percentile; processor time of both processes for one; how many failed."""

    percentiles: dict[str, float]
    cpu_ms: float
    scorer_cpu_ms: float
    failed: int
    classifier: str


def measure_latency(tokens: int, count: int) -> Latency:
    """One message after the other, no two alike."""
    with tempfile.TemporaryDirectory() as home:
        client = ScorerClient(ScorerOptions(home))
        try:
            if not client.wait(START_SECONDS):
                raise RuntimeError(client.status().told)
            return asyncio.run(_measured(client, messages(tokens, WARM_UP + count, seed=0)))
        finally:
            client.close()


async def _measured(client: ScorerClient, texts: list[str]) -> Latency:
    screen, took, failed = default_screen(scorer=client), [], 0
    child = psutil.Process(client.status().pid)
    for text in texts[:WARM_UP]:
        await screen.check(text, Context("input"))
    own, its = time.process_time(), _cpu(child)
    for text in texts[WARM_UP:]:
        began = time.perf_counter()
        screening = await screen.check(text, Context("input"))
        took.append(1000 * (time.perf_counter() - began))
        failed += any(verdict.failed for verdict in screening.verdicts)
    own, its = time.process_time() - own, _cpu(child) - its
    screen.close()
    count = len(took)
    return Latency(percentiles(took), 1000 * (own + its) / count, 1000 * its / count, failed, client.status().told)


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system
