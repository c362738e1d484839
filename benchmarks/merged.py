"""What a merge buys: tokens per second of the merged champion, of an engine without LoRA, and of the arms engine.

Three engines run side by side, and each waits while another is measured: one of the base without LoRA, one of the
merged adapter, and the arms engine, which is asked for the adapter and for the base. Every round measures each of them
once, in an order that turns from round to round, and the engine without LoRA twice: the ratio of those two is what the
machine's noise alone makes. Goal: merged / without at least 0.98. Run as: ./ratchet bench merged --json
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Annotated

import aiohttp
import typer

from benchmarks import tell
from benchmarks.lora import make_adapter
from chatbot.engine import Engine
from chatbot.engine_flags import dtype
from chatbot.model import Model, locate
from chatbot.settings import Settings
from learner import BASE, Merge, Merges, weights_sha256
from learner.starter import questions

ADAPTER = "starter@1"
START_SECONDS, POLL_SECONDS = 600.0, 0.2
WAYS = ("without", "merged", "arms_adapter", "arms_base", "without_again")


def merged_adapter(home: Path, base: Model, settings: Settings) -> Merge:
    """An adapter as a lap makes them, merged as the server does it. Raises MergeFailed."""
    folder, merges = home / "adapter", Merges(home, base.folder, base.sha256)
    make_adapter(folder, settings)
    sha256 = weights_sha256(folder)
    with merges.making(ADAPTER, folder, sha256) as child:
        child.wait()
    return merges.finish(ADAPTER, sha256)


@contextlib.asynccontextmanager
async def running(model: Model, settings: Settings, home: Path, merged_from: Model | None) -> AsyncIterator[Engine]:
    """An engine that answers, as the server starts it. Raises TimeoutError."""
    await asyncio.to_thread(home.mkdir)
    engine = Engine(model, settings, home, merged_from=merged_from)
    await engine.start()
    try:
        async with asyncio.timeout(START_SECONDS):
            while not engine.ready:  # noqa: ASYNC110 - readiness is a flag
                await asyncio.sleep(POLL_SECONDS)
        yield engine
    finally:
        await engine.close()


async def rate(address: Mapping[str, str], name: str, streams: int, tokens: int, answers: int) -> float:
    """Tokens per second of that many answers, `streams` at a time."""
    seats, asked = asyncio.Semaphore(streams), questions(0, answers)
    headers, connector = {"Authorization": f"Bearer {address['key']}"}, aiohttp.TCPConnector(limit=0)
    whole = {"model": name, "max_tokens": tokens, "min_tokens": tokens, "ignore_eos": True, "stream": True}

    async def ask(messages: object) -> None:
        body = {**whole, "messages": messages}
        async with seats, session.post(f"{address['url']}/v1/chat/completions", json=body) as response:
            response.raise_for_status()
            await response.read()

    async with aiohttp.ClientSession(headers=headers, connector=connector) as session:
        began = time.perf_counter()
        await asyncio.gather(*(ask(question.messages) for question in asked))
        return answers * tokens / (time.perf_counter() - began)


async def measure(streams: int, tokens: int, answers: int, rounds: int) -> dict[str, object]:
    """Medians of the rates, and of their ratios within a round with the least and the greatest of them."""
    settings = Settings.load({"max_streams": streams}, {})
    base = locate("starter")
    seen: dict[str, list[float]] = {way: [] for way in WAYS}
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        merge = merged_adapter(home, base, settings)
        merged = Model("merged", merge.folder, merge.sha256)
        async with (
            running(base, settings, home / "without", base) as without,
            running(merged, settings, home / "with-merge", base) as of_merge,
            running(base, settings, home / "arms", None) as arms,
        ):
            await asyncio.to_thread(arms.load, ADAPTER, home / "adapter")
            asked = zip(WAYS, (without, of_merge, arms, arms, without), (BASE, BASE, ADAPTER, BASE, BASE), strict=True)
            ways = {way: (engine.address() or {}, served) for way, engine, served in asked}
            for number in range(rounds + 1):
                turned = number % len(WAYS)
                for way in (*WAYS[turned:], *WAYS[:turned]):
                    found = await rate(*ways[way], streams, tokens, answers)
                    if number:  # the first round warms up
                        seen[way].append(found)
                sys.stderr.write(
                    f"round {number}: { {way: round(rates[-1]) for way, rates in seen.items() if rates} }\n"
                )
    return {
        **{f"{way}_tokens_per_s": round(statistics.median(rates)) for way, rates in seen.items()},
        **{f"{way}_to_without": _ratio(seen[way], seen["without"]) for way in WAYS[1:]},
        "dtype": dtype(base),
        "file_gap": merge.manifest["parity"],
        "streams": streams,
        "tokens": tokens,
        "rounds": rounds,
        "cores": os.cpu_count(),
    }


def _ratio(above: list[float], below: list[float]) -> dict[str, float]:
    ratios = [a / b for a, b in zip(above, below, strict=True)]
    told = {"median": statistics.median(ratios), "least": min(ratios), "greatest": max(ratios)}
    return {name: round(value, 3) for name, value in told.items()}


def main(
    streams: Annotated[int, typer.Option(help="Answers at the same time.")] = 64,
    tokens: Annotated[int, typer.Option(help="Tokens of every answer.")] = 64,
    answers: Annotated[int, typer.Option(help="Answers in each measurement.")] = 256,
    rounds: Annotated[int, typer.Option(help="Rounds, after one that warms up.")] = 9,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, last.")] = False,
) -> None:
    """Measure the merged engine beside one without LoRA and beside the arms engine."""
    tell(asyncio.run(measure(streams, tokens, answers, rounds)), as_json)


if __name__ == "__main__":
    typer.run(main)
