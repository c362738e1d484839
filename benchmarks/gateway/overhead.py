"""What a gateway adds before the fake engine: to the first token, to later ones, and the highest rate that it holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from benchmarks.gateway.figures import Overhead, good, latency, percentiles
from benchmarks.gateway.load import Answer
from benchmarks.gateway.processes import BenchmarkFailed, Target, put_load, turned, until_idle
from benchmarks.gateway.prompts import bodies
from benchmarks.gateway.search import Search

RATE, SECONDS = 50.0, 6.0  # of the arrivals whose latency is measured, in every round
TOKEN_MS = 10.0  # the fake engine's time for a token, the first one too
BOUND = 1.5  # a rate is held while the p99 of whole answers is within this multiple of the fake engine's own time
PROBE_SECONDS = 4.0  # that a rate is tried
TRIES = 2  # of a rate, before it is taken as not held: somebody else may have had the processor
PROMPTS = 200
Say = Callable[[str], None]


def bound_ms(tokens: int, token_ms: float) -> float:
    """The p99 of whole answers, in milliseconds, within which a rate is held; the same for every target."""
    return BOUND * tokens * token_ms


def measure_latency(targets: Sequence[Target], tokens: int, rounds: int, overhead: Overhead, say: Say) -> None:
    """The same arrivals for every target, in turn; all rounds are taken together."""
    answers: dict[str, list[Answer]] = {target.name: [] for target in targets}
    cpu_seconds = dict.fromkeys(answers, 0.0)
    for number in range(rounds):
        for target in turned(targets, number):
            before = target.cpu_seconds()
            seen = _arrive(target, RATE, SECONDS, number, tokens)
            cpu_seconds[target.name] += target.cpu_seconds() - before
            answers[target.name] += seen
            say(f"round {number + 1}, {RATE:.0f} requests/s, {target.name}: {_told(good(seen))}")
    for name, seen in answers.items():
        fine = good(seen)
        if not fine:
            raise BenchmarkFailed(f"{name} answered nothing: {seen[0].trouble if seen else 'nothing was asked'}")
        overhead.latency[name], overhead.failed[name] = latency(fine), len(seen) - len(fine)
        overhead.cpu_ms[name] = 1000 * cpu_seconds[name] / len(seen)


def measure_max_rps(targets: Sequence[Target], tokens: int, overhead: Overhead, say: Say) -> None:
    """The highest rate of each target, all searched for in turn."""
    searches: Mapping[str, Search] = {target.name: Search() for target in targets}
    while any(search.next for search in searches.values()):
        for target in targets:
            search = searches[target.name]
            if search.next is not None:
                rate = search.next
                search.told(_holds(target, rate, tokens, overhead.token_ms))
                say(f"{target.name}: {rate:.0f} requests/s {'held' if search.held == rate else 'not held'}")
    for name, search in searches.items():
        overhead.max_rps[name] = round(search.held, 1)


def _holds(target: Target, rate: float, tokens: int, token_ms: float) -> bool:
    """Whether every answer comes, and the p99 of their time stays within the bound."""
    for number in range(TRIES):
        seen = _arrive(target, rate, PROBE_SECONDS, number, tokens)
        late = percentiles([answer.total_ms for answer in seen])["p99"] > bound_ms(tokens, token_ms)
        if len(good(seen)) == len(seen) and not late:
            return True
    return False


def _arrive(target: Target, rate: float, seconds: float, seed: int, tokens: int) -> Sequence[Answer]:
    asked = bodies(target.model, tokens, seed, PROMPTS)
    limit = 2 * seconds + 5
    seen = put_load(target, bodies=asked, rate=rate, seconds=seconds, seed=seed, limit_seconds=limit)
    until_idle(target)  # one that is overrun still works for those who have gone, while the next is measured
    return seen.answers


def _told(seen: Sequence[Answer]) -> str:
    if not seen:
        return "no answer"
    ttft, total = latency(seen).ttft_ms, latency(seen).total_ms
    return f"TTFT p50 {ttft['p50']:.1f}, p99 {ttft['p99']:.1f} ms; whole answer p99 {total['p99']:.1f} ms"
