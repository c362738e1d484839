"""Ratchet with its screen and without one, in front of the same engine: the first token, and tokens per second."""

from __future__ import annotations

import contextlib
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.gateway.figures import good, latency, ratio, tokens_per_s
from benchmarks.gateway.load import Answer, Seen
from benchmarks.gateway.processes import BenchmarkFailed, Target, put_load, turned, until_idle
from benchmarks.gateway.prompts import bodies
from benchmarks.gateway.targets import fake, ratchet, vllm
from benchmarks.gateway.throughput import measure_throughput
from chatbot.settings import Settings

OFF = "[filters]\n"  # a policy without filters
ANSWERS = 4096  # different ones of the fake engine, so that windows are not known from before
TOKEN_MS = 10.0
RATE, SECONDS = 20.0, 5.0  # of the arrivals whose first token is timed
WAVES, LIMIT_SECONDS = 3, 60.0
Say = Callable[[str], None]


@dataclass
class Figures:
    """Milliseconds to the first token, and tokens per second of every round, by target: `on` and `off`."""

    ttft_ms: dict[str, dict[str, float]] = field(default_factory=dict)
    rates: dict[str, list[float]] = field(default_factory=dict)

    @property
    def ratio(self) -> float | None:
        """Tokens per second with the screen, to those without."""
        return ratio(self.rates.get("on"), self.rates.get("off"))

    @property
    def added_ttft_ms(self) -> dict[str, float]:
        """What the screen adds to each percentile of the time to the first token."""
        on, off = self.ttft_ms["on"], self.ttft_ms["off"]
        return {name: round(on[name] - off[name], 2) for name in on}


@contextlib.contextmanager
def both(folder: Path, engine: Target) -> Iterator[list[Target]]:
    """Ratchet with its defaults, and with a policy without filters."""
    with ratchet(folder, engine, "on") as on, ratchet(folder, engine, "off", OFF) as off:
        yield [on, off]


def measure_fake(folder: Path, streams: int, tokens: int, rounds: int, say: Say) -> Figures:
    """Before the fake engine."""
    figures, answers = Figures(), {"on": list[Answer](), "off": list[Answer]()}
    interval = Settings.load({"home": str(folder)}, {}).whole("stream_interval")
    with fake(folder, TOKEN_MS, interval, ANSWERS) as engine, both(folder, engine) as targets:
        for number in range(rounds):
            for target in turned(targets, number):
                asked = bodies(target.model, tokens, number, streams * WAVES)
                seen = _fine(target, bodies=asked, rate=RATE, seconds=SECONDS, seed=number)
                answers[target.name] += seen.answers
                seen = _fine(target, bodies=asked, streams=streams, each=WAVES)
                figures.rates.setdefault(target.name, []).append(tokens_per_s(seen))
            told = ", ".join(f"{name} {rates[-1]:.0f}" for name, rates in figures.rates.items())
            say(f"fake engine, round {number + 1}, {streams} streams, tok/s: {told}")
    figures.ttft_ms = {name: dict(latency(good(seen)).ttft_ms) for name, seen in answers.items()}
    return figures


def measure_real(folder: Path, streams: int, tokens: int, rounds: int, say: Say) -> Figures:
    """Before the bundled starter in vLLM."""
    settings = Settings.load({"home": str(folder)}, {})
    with vllm(folder, settings) as engine, both(folder, engine) as targets:
        throughput = measure_throughput(engine, targets, [streams], tokens, rounds, say)
    return Figures(rates=throughput.rounds[streams])


def shown(figures: Figures | None) -> dict[str, object] | None:
    """The figures for JSON."""
    if figures is None:
        return None
    medians = {name: round(statistics.median(rates), 1) for name, rates in figures.rates.items()}
    return {"ratio": figures.ratio, "tokens_per_s": medians, "ttft_ms": figures.ttft_ms}


def _fine(target: Target, **job: object) -> Seen:
    seen = put_load(target, limit_seconds=LIMIT_SECONDS, **job)
    until_idle(target)
    failed: Sequence[Answer] = [answer for answer in seen.answers if answer.trouble]
    if failed:
        raise BenchmarkFailed(f"{len(failed)} of {len(seen.answers)} answers of {target.name}: {failed[0].trouble}")
    return seen
