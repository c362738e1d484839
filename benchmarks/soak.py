"""Many streams at once, half of which are cut off somewhere: is anything lost, left running, or never given back?

Run as: ./ratchet bench soak --json. A real server with a real vLLM is asked by many people for a while. Then nobody
asks any more, the server is stopped, and its store is held against what the people saw and were told.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import aiohttp
import orjson
import psutil
import typer

from analytics import Store
from benchmarks import tell
from benchmarks.gateway.processes import running, until_ready
from benchmarks.gateway.targets import plain_environment
from learner import free_port

READY_SECONDS, IDLE_SECONDS = 180.0, 30.0
CUT_SHARE, RATED_SHARE = 0.5, 0.2
QUESTIONS = ("how long is delivery to {}?", "can i return a {}?", "is there a warranty on a {}?", "where is my {}?")
RUNNING = re.compile(r'^ratchet_engine_requests\{state="(running|waiting)"\} (\S+)$', re.MULTILINE)


@dataclass
class Seen:
    """What the people saw: whole answers and receipts were acknowledged, the others were cut off by their reader."""

    whole: dict[str, str] = field(default_factory=dict)
    cut: dict[str, str] = field(default_factory=dict)
    receipts: list[str] = field(default_factory=list)
    troubles: Counter[str] = field(default_factory=Counter)


class Crowd:
    """Asks until the time is over."""

    def __init__(self, session: aiohttp.ClientSession, url: str, seed: int) -> None:
        self._session, self._url, self._draw = session, url, random.Random(f"soak {seed}")
        self.seen = Seen()

    async def talk(self, until: float) -> None:
        """One person after the other, each with a question."""
        while time.monotonic() < until:
            try:
                await self._ask()
            except (aiohttp.ClientError, OSError, ValueError) as error:
                self.seen.troubles[type(error).__name__] += 1

    async def _ask(self) -> None:
        question = self._draw.choice(QUESTIONS).format(self._draw.randrange(10**6))
        leaves_at = self._draw.expovariate(1.0) if self._draw.random() < CUT_SHARE else None
        body = {"messages": [{"role": "user", "content": question}], "stream": True, "max_tokens": 64}
        headers = {"Cookie": ""}  # everybody is somebody new
        async with self._session.post(f"{self._url}/v1/chat/completions", json=body, headers=headers) as response:
            if response.status != 200:
                self.seen.troubles[f"status {response.status}"] += 1
                return
            cookie = response.headers["Set-Cookie"].partition(";")[0]
            turn, text, ended = "", "", False
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(leaves_at):
                    async for line in response.content:
                        if line.startswith(b"data: {"):
                            chunk = orjson.loads(line[6:])
                            turn = chunk.get("id", turn)
                            text += _said(chunk)
                        ended = ended or line.startswith(b"data: [DONE]")
        if ended:
            self.seen.whole[turn] = text
            if self._draw.random() < RATED_SHARE:
                await self._rate(turn, cookie)
        elif turn:
            self.seen.cut[turn] = text

    async def _rate(self, turn: str, cookie: str) -> None:
        body = {"response_id": turn, "vote": self._draw.choice((-1, 1))}
        headers = {"Cookie": cookie}
        async with self._session.post(f"{self._url}/v1/feedback", json=body, headers=headers) as response:
            if response.status == 201:
                self.seen.receipts.append((await response.json())["receipt"])
            else:
                self.seen.troubles[f"feedback: status {response.status}"] += 1


def _said(chunk: dict[str, Any]) -> str:
    return "".join(choice["delta"].get("content") or "" for choice in chunk.get("choices", ()))


async def soak(url: str, process: psutil.Process, streams: int, seconds: float) -> dict[str, Any]:
    """Put the crowd on the server; returns what it saw, memory in MiB over time, and what the engine was left with."""
    connector, jar = aiohttp.TCPConnector(limit=0), aiohttp.DummyCookieJar()
    async with aiohttp.ClientSession(connector=connector, cookie_jar=jar) as session:
        crowd, memory = Crowd(session, url, seed=0), list[float]()
        talking = asyncio.gather(*(crowd.talk(time.monotonic() + seconds) for _ in range(streams)))
        while not talking.done():
            memory.append(round(process.memory_info().rss / 2**20, 1))
            await asyncio.wait({talking}, timeout=seconds / 12)
        await talking
        left, end = await _left(session, url), time.monotonic() + IDLE_SECONDS
        while any(left.values()) and time.monotonic() < end:
            await asyncio.sleep(0.5)
            left = await _left(session, url)
        return {"seen": crowd.seen, "memory_mib": memory, "left_running": left}


async def _left(session: aiohttp.ClientSession, url: str) -> dict[str, float]:
    async with session.get(f"{url}/metrics") as response:
        return {state: float(count) for state, count in RUNNING.findall(await response.text())}


def compare(store: Store, seen: Seen) -> dict[str, int]:
    """How much of what was acknowledged is missing in the store, and how often it holds less than a reader saw."""
    kept = {row["turn_id"]: row for row in store.rows("SELECT turn_id, completion, finish_reason FROM reply")}
    receipts = {row["feedback_id"] for row in store.rows("SELECT feedback_id FROM feedback")}
    replies = store.rows("SELECT count(*) - count(DISTINCT turn_id) AS more FROM reply")
    return {
        "answers_missing": sum(kept.get(turn, {}).get("completion") != text for turn, text in seen.whole.items()),
        "cut_answers_missing": sum(turn not in kept for turn in seen.cut),
        "cut_answers_shorter": sum(
            not kept[turn]["completion"].startswith(text) for turn, text in seen.cut.items() if turn in kept
        ),
        "feedback_missing": sum(receipt not in receipts for receipt in seen.receipts),
        "replies_twice": int(replies[0]["more"]),
    }


@contextlib.contextmanager
def _server(folder: Path) -> Iterator[tuple[str, psutil.Process]]:
    port, log = free_port(), folder / "server.log"
    environ = plain_environment() | {"RATCHET_LEARN_EVERY_HOURS": "0", "RATCHET_LEARN_AFTER_FEEDBACK": "0"}
    words = [sys.executable, "-m", "chatbot", "up", "--home", str(folder / "home"), "--port", str(port)]
    with running(words, environ, log) as keeper:
        url = f"http://127.0.0.1:{port}"
        until_ready(keeper, f"{url}/readyz", READY_SECONDS, log)
        yield url, psutil.Process(keeper.pid).children()[0]


def measure(streams: int, seconds: float) -> dict[str, Any]:
    """The whole run; times in seconds, memory in MiB."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with _server(folder) as (url, process):
            found = asyncio.run(soak(url, process, streams, seconds))
            files = process.num_fds()
        with contextlib.closing(Store.open(folder / "home" / "store.duckdb")) as store:
            lost, seen = compare(store, found["seen"]), found["seen"]
    memory = found["memory_mib"]
    return {
        "streams": streams,
        "seconds": seconds,
        "answers": len(seen.whole),
        "cut_off": len(seen.cut),
        "feedback": len(seen.receipts),
        "troubles": dict(seen.troubles),
        **lost,
        "left_running": found["left_running"],
        "memory_mib": memory,
        "memory_growth": round(memory[-1] / memory[len(memory) // 3], 3),
        "open_files_after": files,
        "cores": os.cpu_count(),
    }


def main(
    streams: Annotated[int, typer.Option(help="People who ask at the same time.", min=1, max=1000)] = 200,
    seconds: Annotated[float, typer.Option(help="How long they go on.", min=1, max=600)] = 120,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, last.")] = False,
) -> None:
    """Ask a real server for a while, cut off half of the answers, and look for what was lost."""
    tell(measure(streams, seconds), as_json)


if __name__ == "__main__":
    typer.run(main)
