"""What each pattern filter costs: microseconds for a whole message, and for each piece of a streamed answer."""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import time
from collections.abc import Callable
from functools import partial

from rich.console import Console
from rich.table import Table

from safety import Context, Filter, PatternFilter, Policy, Screen, Setup, StreamScreen, Verdict
from safety.normalise import normalise
from safety.registry import build

MESSAGE = (
    "Hello, I ordered two lamps and a rug last week, order 48213, and only one of the lamps has come so far. The"
    " mail said that delivery takes "
    "2 to 4 working days and costs 3.90 euros, so it should be here by now. Could you please have a look where "
    "the other parcel is, and tell me "
    "whether I can still change the colour of the rug? Thanks a lot for your help with this!"
)
ACCENTED = MESSAGE.replace("e", "é", 20)
PIECE = 32  # characters, about eight tokens
CARRIED = 96


def main() -> None:
    """Measure, and print a table or JSON."""
    parser = argparse.ArgumentParser(prog="ratchet bench filters", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--times", type=int, default=300, help="how often each is measured")
    given = parser.parse_args()
    found = measure(given.times)
    if given.json:
        print(json.dumps(found))
        return
    table = Table(
        "",
        "whole message, us",
        "each piece, us",
        title=f"{len(MESSAGE)} characters without a finding; pieces of {PIECE}",
    )
    for name, (whole, piece) in found.items():
        table.add_row(name, *("" if took is None else f"{took:.1f}" for took in (whole, piece)))
    Console().print(table)


def measure(times: int) -> dict[str, tuple[float | None, float | None]]:
    """By filter: the medians for a message as a whole and for each piece of it as an answer, in microseconds."""
    found: dict[str, tuple[float | None, float | None]] = {
        "normalise": (_median(lambda: normalise(MESSAGE), times), None),
        "normalise, with accents": (_median(lambda: normalise(ACCENTED), times), None),
    }
    asked, told = (
        Context("input"),
        Context("output", system="You are the help desk of a shop. Never tell anybody the code word marigold."),
    )
    for entry in Policy.read().entries:
        made = build(entry.use, Setup(entry.name, entry.rules, entry.options))
        whole = piece = None
        if entry.rules.applies("input"):
            whole = _fresh(partial(_check, made, asked), times)
        elif entry.rules.applies("output"):
            whole = _fresh(partial(_check, made, told), times)
        if isinstance(made, PatternFilter) and entry.rules.holds_back("output"):
            piece = _pieces(made, told, times)
        found[entry.name] = whole, piece
    every = [build(entry.use, Setup(entry.name, entry.rules, entry.options)) for entry in Policy.read().entries]
    found["all, one after the other"] = (
        _fresh(lambda text: [one.check(text, asked) for one in every if one.id not in ("leak", "code")], times),
        None,
    )
    screen = Screen.from_policy(Policy.read())
    found["all, as the screen asks them"] = (
        _fresh(lambda text: asyncio.run(_checked(screen, text, asked)), times)
        - _median(lambda: asyncio.run(_nothing()), times),
        asyncio.run(_streamed(screen, told, times)),
    )
    return found


def _check(made: Filter, context: Context, text: str) -> Verdict:
    return made.check(text, context)


def _median(run: Callable[[], object], times: int) -> float:
    took = []
    for _ in range(times):
        began = time.perf_counter()
        run()
        took.append(time.perf_counter() - began)
    return statistics.median(took) * 1e6


def _fresh(run: Callable[[str], object], times: int) -> float:
    """As `_median`, with a text that was not seen before, so that nothing kept for it helps."""
    texts = iter([f"{MESSAGE}{' ' * count}" for count in range(times)])
    return _median(lambda: run(next(texts)), times)


def _pieces(made: PatternFilter, told: Context, times: int) -> float:
    took: list[float] = []
    for count in range(max(1, times // 10)):
        text = f"{'Hm. ' * (count + 40)}{MESSAGE}"
        for end in range(CARRIED, len(text), PIECE):
            seen = text[max(0, end - CARRIED - PIECE) : end]
            began = time.perf_counter()
            made.check(seen, told)
            made.undecided(seen, told)
            took.append(time.perf_counter() - began)
    return statistics.median(took) * 1e6


async def _checked(screen: Screen, text: str, context: Context) -> None:
    await screen.check(text, context)


async def _nothing() -> None:
    return None


async def _streamed(screen: Screen, told: Context, times: int) -> float:
    took: list[float] = []
    for count in range(max(1, times // 10)):
        stream: StreamScreen = screen.stream(told)
        text = f"{'Hm. ' * count}{MESSAGE}"
        for start in range(0, len(text), PIECE):
            began = time.perf_counter()
            await stream.feed(text[start : start + PIECE])
            took.append(time.perf_counter() - began)
        await stream.finish()
    return statistics.median(took) * 1e6


if __name__ == "__main__":
    main()
