"""Processes that are started for a while and surely ended, and the load that is put on one of them."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson
import psutil

from benchmarks.gateway.load import Answer, Job, Seen
from chatbot.keeper import stop

ROOT = Path(__file__).resolve().parents[2]
GRACE_SECONDS = 20.0  # for the load to start and to report, beside its own limit
IDLE_SECONDS, IDLE_SHARE = 5.0, 0.2  # a target is idle below this share of one core
POLL_SECONDS = 0.1


class BenchmarkFailed(Exception):
    """Something that the benchmark needs did not start, or did not answer."""


@dataclass(frozen=True)
class Target:
    """A server that answers chat completions, and the name that its model has there."""

    name: str
    url: str
    model: str
    headers: Mapping[str, str]
    pid: int

    def cpu_seconds(self) -> float:
        """Processor time of it and of all that it has started, so far."""
        keeper = psutil.Process(self.pid)
        times = [one.cpu_times() for one in keeper.children(recursive=True)]
        return sum(one.user + one.system for one in times)


@contextlib.contextmanager
def running(words: Sequence[str], environ: Mapping[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that ends with the block, and with this process however that ends."""
    kept = [sys.executable, "-m", "chatbot.keeper", *words]
    with log.open("ab") as output:
        process = subprocess.Popen(
            kept, cwd=ROOT, env=environ, stdin=subprocess.PIPE, stdout=output, stderr=output, start_new_session=True
        )
    try:
        yield process
    finally:
        stop(process)


def until_ready(process: subprocess.Popen[bytes], url: str, seconds: float, log: Path) -> None:
    """Wait until `url` answers with success. Raises BenchmarkFailed."""
    end = time.monotonic() + seconds
    while not _answers(url):
        if process.poll() is not None or time.monotonic() > end:
            what = "ended" if process.poll() is not None else f"did not answer in {seconds:.0f} s"
            raise BenchmarkFailed(f"{url} {what}; its last words:\n{_tail(log)}")
        time.sleep(POLL_SECONDS)


def put_load(target: Target, **job: object) -> Seen:
    """Do a job (see `Job`) on the target, in a process of its own. Raises BenchmarkFailed."""
    todo = Job(url=f"{target.url}/v1/chat/completions", headers=target.headers, **job)  # type: ignore[arg-type]
    with tempfile.TemporaryFile() as said:  # a pipe holds 64 KiB, and thousands of answers are more
        try:
            subprocess.run(
                [sys.executable, "-m", "benchmarks.gateway.load"],
                cwd=ROOT,
                input=orjson.dumps(asdict(todo)),
                stdout=said,
                stderr=subprocess.PIPE,
                timeout=todo.limit_seconds + GRACE_SECONDS,
                start_new_session=True,
                check=True,
            )
            said.seek(0)
            told = orjson.loads(said.read())
        except (subprocess.SubprocessError, orjson.JSONDecodeError) as error:
            stderr = getattr(error, "stderr", None) or b""
            raise BenchmarkFailed(f"The load on {target.name} broke off: {error}\n{stderr.decode()[-2000:]}") from None
    return Seen(tuple(Answer(**answer) for answer in told["answers"]), told["seconds"])


def until_idle(target: Target) -> None:
    """Wait until the target has nothing left to do of what it was asked before, for some seconds at most."""
    end = time.monotonic() + IDLE_SECONDS
    busy = True
    while busy and time.monotonic() < end:
        before = target.cpu_seconds()
        time.sleep(POLL_SECONDS)
        busy = target.cpu_seconds() - before > IDLE_SHARE * POLL_SECONDS


def turned(targets: Sequence[Target], number: int) -> list[Target]:
    """The targets, beginning with another one in every round."""
    begin = number % len(targets)
    return [*targets[begin:], *targets[:begin]]


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as response:  # noqa: S310 - always http on loopback
            return bool(response.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def _tail(log: Path, lines: int = 15) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
