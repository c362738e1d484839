"""Tokens per second of many streams at once, on one vLLM that all targets share, each while the others wait."""

from __future__ import annotations

import urllib.request
from collections.abc import Callable, Sequence

from benchmarks.gateway.figures import Throughput, good, tokens_per_s
from benchmarks.gateway.load import Seen
from benchmarks.gateway.processes import BenchmarkFailed, Target, put_load, turned
from benchmarks.gateway.prompts import bodies

WAVES, FEWEST = 3, 8  # answers of each stream, but no fewer than these of all together
LIMIT_SECONDS = 120.0
WARM_UP_STREAMS = 8
Say = Callable[[str], None]


def measure_throughput(
    engine: Target, targets: Sequence[Target], streams: Sequence[int], tokens: int, rounds: int, say: Say
) -> Throughput:
    """All targets in turn, for every number of streams, `rounds` times. Raises BenchmarkFailed."""
    throughput = Throughput()
    for target in targets:
        run_once(engine, target, WARM_UP_STREAMS, tokens, rounds)
    for number in range(rounds):
        for at_once in streams:
            told = []
            for target in turned(targets, number):
                rate = run_once(engine, target, at_once, tokens, number)
                throughput.add(at_once, target.name, rate)
                told.append(f"{target.name} {rate:.0f}")
            say(f"round {number + 1}, {at_once} streams, tok/s: {', '.join(told)}")
    return throughput


def measure_alone(engine: Target, streams: int, tokens: int, rounds: int, say: Say) -> list[float]:
    """Tokens per second of an engine that nothing stands in front of, for each round."""
    run_once(engine, engine, WARM_UP_STREAMS, tokens, rounds)
    rates = []
    for number in range(rounds):
        rates.append(run_once(engine, engine, streams, tokens, number))
        say(f"round {number + 1}, {streams} streams, tok/s: {engine.name} {rates[-1]:.0f}")
    return rates


def run_once(engine: Target, target: Target, streams: int, tokens: int, seed: int) -> float:
    """Tokens per second of one load on the target, after `engine` has forgotten what it was asked before."""
    forget(engine)
    each = max(WAVES, -(-FEWEST // streams))
    asked = bodies(target.model, tokens, seed, streams * each)
    seen = put_load(target, bodies=asked, streams=streams, each=each, limit_seconds=LIMIT_SECONDS)
    _check(target, seen, tokens)
    return tokens_per_s(seen)


def forget(engine: Target) -> None:
    """Have vLLM forget what it keeps of prompts that it was asked before."""
    asked = urllib.request.Request(f"{engine.url}/reset_prefix_cache", method="POST", headers=dict(engine.headers))  # noqa: S310
    urllib.request.urlopen(asked, timeout=10).close()  # noqa: S310 - always http on loopback


def _check(target: Target, seen: Seen, tokens: int) -> None:
    """Every answer must be whole, or the target would seem faster than it is."""
    short = next((one for one in seen.answers if one.trouble or one.tokens != tokens), None)
    if short is not None:
        told = f"{len(seen.answers) - len(good(seen.answers))} of {len(seen.answers)} answers of {target.name} failed"
        raise BenchmarkFailed(f"{told}; one had {short.tokens} tokens of {tokens}. {short.trouble}")
