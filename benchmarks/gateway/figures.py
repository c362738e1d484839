"""The figures, from answers to the one object that is printed."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from benchmarks.gateway.load import Answer, Seen

TARGETS = ("direct", "ratchet", "ratchet_defaults", "litellm")
BESIDE = TARGETS[2:]  # what is reported beside Ratchet with light filters
PERCENTILES = (50, 95, 99)


class Latency(NamedTuple):
    """Of answers at a set rate: percentiles of the time to the first token and to the end, and the mean for a token."""

    ttft_ms: Mapping[str, float]
    total_ms: Mapping[str, float]
    token_us: float


@dataclass
class Overhead:
    """What was seen by target before a fake engine of `token_ms` a token; `cpu_ms` is processor time for an answer."""

    token_ms: float
    latency: dict[str, Latency] = field(default_factory=dict)
    cpu_ms: dict[str, float] = field(default_factory=dict)
    max_rps: dict[str, float] = field(default_factory=dict)
    failed: dict[str, int] = field(default_factory=dict)


@dataclass
class Throughput:
    """Tokens per second of every round, by number of streams and target, and of vLLM with its own defaults."""

    rounds: dict[int, dict[str, list[float]]] = field(default_factory=dict)
    vllm_defaults: list[float] = field(default_factory=list)

    def add(self, streams: int, target: str, tokens_per_s: float) -> None:
        """Keep the figure of one round."""
        self.rounds.setdefault(streams, {}).setdefault(target, []).append(tokens_per_s)


class Goal(NamedTuple):
    """A figure, the bound that it should keep, and whether it does; None where something was not measured."""

    what: str
    value: float | None
    bound: float
    met: bool | None


def good(answers: Sequence[Answer]) -> list[Answer]:
    """Those that did not fail."""
    return [answer for answer in answers if not answer.trouble]


def percentiles(values: Sequence[float]) -> dict[str, float]:
    """The p50, p95 and p99, between neighbours where the share falls between two values."""
    return {f"p{share}": float(np.percentile(values, share)) for share in PERCENTILES}


def tokens_per_s(seen: Seen) -> float:
    """Tokens of all answers that did not fail, per second."""
    return sum(answer.tokens for answer in good(seen.answers)) / seen.seconds


def latency(answers: Sequence[Answer]) -> Latency:
    """The latency of answers, of which there must be one."""
    totals = [answer.total_ms for answer in answers]
    token_us = 1000 * sum(totals) / sum(answer.tokens for answer in answers)
    return Latency(percentiles([answer.ttft_ms for answer in answers]), percentiles(totals), token_us)


def added(latencies: Mapping[str, Latency], target: str) -> dict[str, object]:
    """What `target` adds to the direct way: milliseconds to each percentile, and microseconds to a token's mean."""
    here, direct = latencies.get(target), latencies.get("direct")
    if here is None or direct is None:
        nothing = dict.fromkeys(f"p{share}" for share in PERCENTILES)
        return {"added_ttft_ms": nothing, "added_total_ms": nothing, "added_token_us": None}
    return {
        "added_ttft_ms": _less(here.ttft_ms, direct.ttft_ms),
        "added_total_ms": _less(here.total_ms, direct.total_ms),
        "added_token_us": round(here.token_us - direct.token_us, 1),
    }


def _less(here: Mapping[str, float], direct: Mapping[str, float]) -> dict[str, float]:
    return {name: round(here[name] - direct[name], 2) for name in here}


def median(values: Sequence[float] | None, digits: int = 1) -> float | None:
    """The median, rounded; None of nothing."""
    return round(statistics.median(values), digits) if values else None


def ratio(above: Sequence[float] | None, below: Sequence[float] | None) -> float | None:
    """The median of the ratios within a round."""
    if not above or not below:
        return None
    return median([a / b for a, b in zip(above, below, strict=True)], 3)


def assemble(overhead: Overhead, throughput: Throughput) -> dict[str, object]:
    """The object that `--json` prints; a figure that was not measured is None."""
    rounds = throughput.rounds
    top = rounds[max(rounds)] if rounds else {}
    rates: dict[str, float | None] = {target: overhead.max_rps.get(target) for target in TARGETS[1:]}
    result: dict[str, object] = {
        "streams": {str(n): {name: median(by.get(name)) for name in TARGETS} for n, by in sorted(rounds.items())},
        "ratio": ratio(top.get("ratchet"), top.get("direct")),
        "ratio_streams": max(rounds) if rounds else None,
        "vllm_defaults": median(throughput.vllm_defaults),
        **added(overhead.latency, "ratchet"),
        "max_rps": rates,
        "max_rps_direct": overhead.max_rps.get("direct"),
        **{
            f"{beside}_{name}": value
            for beside in (*BESIDE, "ratchet_unscreened")
            for name, value in added(overhead.latency, beside).items()
        },
        **{f"{beside}_ratio": ratio(top.get(beside), top.get("direct")) for beside in BESIDE},
        "cpu_ms_per_answer": {name: round(value, 2) for name, value in overhead.cpu_ms.items()},
        "failed": overhead.failed,
        "rounds": {str(n): {name: [round(x, 1) for x in by[name]] for name in by} for n, by in sorted(rounds.items())},
        "vllm_defaults_rounds": [round(value, 1) for value in throughput.vllm_defaults],
    }
    goals = _goals(result, median(top.get("ratchet")))
    return {**result, "goals": {name: goal._asdict() for name, goal in goals.items()}}


def _goals(result: Mapping[str, object], ratchet: float | None) -> dict[str, Goal]:
    def at_least(what: str, value: float | None, bound: float) -> Goal:
        return Goal(what, value, bound, None if value is None else value >= bound)

    p99 = result["added_ttft_ms"]["p99"]  # type: ignore[index]
    rates: Mapping[str, float | None] = result["max_rps"]  # type: ignore[assignment]
    streams = result["ratio_streams"]
    return {
        "ratio": at_least(f"tok/s, Ratchet to direct, {streams} streams", result["ratio"], 0.9),  # type: ignore[arg-type]
        "vllm_defaults": at_least(
            f"tok/s, Ratchet to vLLM's own defaults, {streams} streams",
            _quotient(ratchet, result["vllm_defaults"]),  # type: ignore[arg-type]
            1.0,
        ),
        "added_ttft_p99_ms": Goal("added TTFT, p99, ms (below)", p99, 5.0, None if p99 is None else p99 < 5.0),
        "max_rps": at_least("requests/s, Ratchet to LiteLLM", _quotient(rates["ratchet"], rates["litellm"]), 2.0),
    }


def _quotient(above: float | None, below: float | None) -> float | None:
    return round(above / below, 3) if above is not None and below else None
