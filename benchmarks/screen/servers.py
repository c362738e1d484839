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
from benchmarks.gateway.targets import NO_FILTERS, fake, ratchet, vllm
from benchmarks.gateway.throughput import forget
from chatbot.settings import Settings

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
    cpu_ms: dict[str, list[float]] = field(default_factory=dict)  # processor time of an answer, the scorer's too
    stopped: dict[str, int] = field(default_factory=dict)  # answers that the screen stopped: their tokens are missing

    def add(self, name: str, seen: Seen, tokens: int) -> None:
        """Keep the figures of one round."""
        self.rates.setdefault(name, []).append(tokens_per_s(seen))
        short = sum(answer.tokens < tokens for answer in seen.answers)
        self.stopped[name] = self.stopped.get(name, 0) + short

    def newest(self) -> str:
        """The last round, for people."""
        return ", ".join(f"{name} {rates[-1]:.0f}" for name, rates in self.rates.items())

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
    with ratchet(folder, engine, "on") as on, ratchet(folder, engine, "off", NO_FILTERS) as off:
        yield [on, off]


def measure_fake(folder: Path, streams: int, tokens: int, rounds: int, say: Say) -> Figures:
    """Before the fake engine."""
    figures, answers = Figures(), {"on": list[Answer](), "off": list[Answer]()}
    interval = Settings.load({"home": str(folder)}, {}).whole("stream_interval")
    with fake(folder, TOKEN_MS, interval, ANSWERS) as engine, both(folder, engine) as targets:
        for number in range(rounds):
            for target in turned(targets, number):
                asked = bodies(target.model, tokens, number, streams * WAVES)
                before = target.cpu_seconds()
                seen = _fine(target, bodies=asked, rate=RATE, seconds=SECONDS, seed=number)
                answers[target.name] += seen.answers
                used = 1000 * (target.cpu_seconds() - before) / len(seen.answers)
                figures.cpu_ms.setdefault(target.name, []).append(used)
                seen = _fine(target, bodies=asked, streams=streams, each=WAVES)
                figures.add(target.name, seen, tokens)
            say(f"fake engine, round {number + 1}, {streams} streams, tok/s: {figures.newest()}")
    figures.ttft_ms = {name: dict(latency(good(seen)).ttft_ms) for name, seen in answers.items()}
    return figures


def measure_real(folder: Path, streams: int, tokens: int, rounds: int, say: Say) -> Figures:
    """Before the bundled starter in vLLM."""
    settings = Settings.load({"home": str(folder)}, {})
    figures = Figures()
    with vllm(folder, settings) as engine, both(folder, engine) as targets:
        for number in range(rounds + 1):  # the first is to warm up
            for target in turned(targets, number):
                asked = bodies(target.model, tokens, number, streams * WAVES)
                forget(engine)
                seen = _fine(target, bodies=asked, streams=streams, each=WAVES)
                if number:
                    figures.add(target.name, seen, tokens)
            if number:
                say(f"vLLM, round {number}, {streams} streams, tok/s: {figures.newest()}")
    return figures


def shown(figures: Figures | None) -> dict[str, object] | None:
    """The figures for JSON."""
    if figures is None:
        return None
    medians = {name: round(statistics.median(rates), 1) for name, rates in figures.rates.items()}
    cpu = {name: round(statistics.median(values), 2) for name, values in figures.cpu_ms.items()}
    return {
        "ratio": figures.ratio,
        "tokens_per_s": medians,
        "stopped": figures.stopped,
        "cpu_ms_per_answer": cpu,
        "ttft_ms": figures.ttft_ms,
    }


def _fine(target: Target, **job: object) -> Seen:
    seen = put_load(target, limit_seconds=LIMIT_SECONDS, **job)
    until_idle(target)
    failed: Sequence[Answer] = [answer for answer in seen.answers if answer.trouble]
    if failed:
        raise BenchmarkFailed(f"{len(failed)} of {len(seen.answers)} answers of {target.name}: {failed[0].trouble}")
    return seen
