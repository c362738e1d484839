"""The load, in a process of its own: many streams at once, or arrivals at a set rate, each answer timed.

Run as: python -m benchmarks.gateway.load, with a `Job` as JSON on standard input; prints a `Seen` as JSON. It reads raw
bytes and looks into them as little as it can, for it must not be what is measured.
"""

from __future__ import annotations

import asyncio
import gc
import random
import re
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

import aiohttp
import orjson
import uvloop

CONTENT = re.compile(rb'"content":\s*"(?!")')  # a delta that says something
USAGE = re.compile(rb'"completion_tokens":\s*(\d+)')
DONE = b"data: [DONE]"
WARM_UP = 4  # requests before anything counts
LEAD_SECONDS = 0.05  # from the start of the clock to the first arrival


@dataclass(frozen=True)
class Job:
    """What to ask of the server at `url`: `streams` at once, each `each` times, or else `rate` a second for `seconds`.

    `bodies` are taken in turn; arrivals are a Poisson process drawn from `seed`. After `limit_seconds` what is not
    answered has failed.
    """

    url: str
    headers: Mapping[str, str]
    bodies: Sequence[Mapping[str, object]]
    streams: int = 0
    each: int = 1
    rate: float = 0.0
    seconds: float = 0.0
    seed: int = 0
    limit_seconds: float = 60.0


@dataclass(frozen=True)
class Answer:
    """One answer, timed from when it was due to be asked for; `trouble` says why it failed."""

    ttft_ms: float = 0.0
    total_ms: float = 0.0
    tokens: int = 0
    trouble: str = ""


@dataclass(frozen=True)
class Seen:
    """All answers, and the seconds from the first request to the last byte."""

    answers: tuple[Answer, ...]
    seconds: float


def arrivals(rate: float, seconds: float, seed: int) -> Iterator[float]:
    """When requests are due, in seconds: a Poisson process of `rate` a second."""
    drawn, at = random.Random(f"arrivals {seed}"), 0.0
    while (at := at + drawn.expovariate(rate)) < seconds:
        yield at


class Client:
    """Asks one server, over as many connections as it takes."""

    def __init__(self, job: Job, session: aiohttp.ClientSession) -> None:
        self._job, self._session, self._asked = job, session, 0
        self._bodies = [orjson.dumps(body) for body in job.bodies]
        self._end = asyncio.get_running_loop().time() + job.limit_seconds

    async def ask(self, due: float) -> Answer:
        """One answer to the next of the bodies. Whatever goes wrong is told in it."""
        body, first, got = self._bodies[self._asked % len(self._bodies)], 0.0, b""
        self._asked += 1
        try:
            async with asyncio.timeout_at(self._end), self._session.post(self._job.url, data=body) as response:
                async for data in response.content.iter_any():
                    got += data
                    if not first and CONTENT.search(got):
                        first = time.perf_counter()
                return _answer(due, first, response.status, got)
        except TimeoutError:
            return Answer(trouble="it was not answered in time")
        except (aiohttp.ClientError, OSError) as error:
            return Answer(trouble=repr(error))

    async def at_once(self, streams: int, each: int) -> list[Answer]:
        """So many streams at once: each asks again as soon as it is answered, `each` times."""

        async def stream() -> list[Answer]:
            return [await self.ask(time.perf_counter()) for _ in range(each)]

        return _joined(await asyncio.gather(*(stream() for _ in range(streams))))

    async def arriving(self, rate: float, seconds: float, seed: int) -> list[Answer]:
        """Requests that are sent when they are due, whatever has become of those before."""
        begun = time.perf_counter() + LEAD_SECONDS

        async def arrive(at: float) -> Answer:
            await asyncio.sleep(begun + at - time.perf_counter())
            return await self.ask(begun + at)

        return list(await asyncio.gather(*(arrive(at) for at in arrivals(rate, seconds, seed))))


def _joined(lists: Sequence[Sequence[Answer]]) -> list[Answer]:
    return [answer for answers in lists for answer in answers]


def _answer(due: float, first: float, status: int, got: bytes) -> Answer:
    now, usage = time.perf_counter(), USAGE.findall(got)
    if status != 200 or not first or not usage or DONE not in got:
        return Answer(trouble=f"status {status}: {got[-300:].decode(errors='replace')}")
    return Answer(1000 * (first - due), 1000 * (now - due), int(usage[-1]))


async def measure(job: Job) -> Seen:
    """Put the load on the server, after a few requests that do not count."""
    headers = {"Content-Type": "application/json", "Accept-Encoding": "identity", **job.headers}
    connector, timeout = aiohttp.TCPConnector(limit=0), aiohttp.ClientTimeout(total=None)
    jar = aiohttp.DummyCookieJar()  # everybody is somebody new
    async with aiohttp.ClientSession(headers=headers, connector=connector, timeout=timeout, cookie_jar=jar) as session:
        client = Client(job, session)
        await client.at_once(WARM_UP, 1)
        gc.collect()
        gc.disable()
        begun = time.perf_counter()
        if job.streams:
            answers = await client.at_once(job.streams, job.each)
        else:
            answers = await client.arriving(job.rate, job.seconds, job.seed)
        return Seen(tuple(answers), time.perf_counter() - begun)


def main() -> None:
    """Do the job that standard input holds."""
    seen = uvloop.run(measure(Job(**orjson.loads(sys.stdin.buffer.read()))))
    print(orjson.dumps(asdict(seen)).decode())


if __name__ == "__main__":
    main()
