"""Ratchet's web server beside what it stands in front of. Run as: ./ratchet bench gateway --json"""

from __future__ import annotations

import contextlib
import json
import signal
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console

from benchmarks.gateway.figures import Overhead, Throughput, assemble
from benchmarks.gateway.litellm_proxy import install, litellm
from benchmarks.gateway.machine import about
from benchmarks.gateway.overhead import TOKEN_MS, measure_latency, measure_max_rps
from benchmarks.gateway.picture import picture
from benchmarks.gateway.processes import BenchmarkFailed, Target
from benchmarks.gateway.show import show
from benchmarks.gateway.targets import (
    DEFAULTS,
    NO_FILTERS,
    UNSCREENED,
    fake,
    light_policy,
    ratchet,
    vllm,
    vllm_defaults,
)
from benchmarks.gateway.throughput import measure_alone, measure_throughput
from chatbot.engine_pieces import WINDOWS
from chatbot.settings import Settings

progress = Console(stderr=True, highlight=False, soft_wrap=True)


class Gateways:
    """Ratchet with light filters and with its defaults, and LiteLLM where it is wanted and can be had."""

    def __init__(self, folder: Path, with_litellm: bool) -> None:
        self._folder = folder
        self._venv = self._install() if with_litellm else None

    @property
    def with_litellm(self) -> bool:
        """Whether LiteLLM is measured."""
        return self._venv is not None

    def start(self, stack: contextlib.ExitStack, engine: Target) -> list[Target]:
        """The engine itself and what stands in front of it, all of which end with `stack`."""
        progress.print("Starting Ratchet" + (" and LiteLLM" if self._venv else ""))
        targets = [engine]
        for name, policy in (("ratchet", light_policy()), (DEFAULTS, None)):
            targets.append(stack.enter_context(ratchet(self._folder, engine, name, policy)))
        if self._venv:
            targets.append(stack.enter_context(litellm(self._folder, self._venv, engine)))
        return targets

    def _install(self) -> Path | None:
        progress.print("Looking for LiteLLM, which is installed once")
        try:
            return install()
        except BenchmarkFailed as error:
            progress.print(f"LiteLLM is left out. {error}", markup=False)
            return None


def measure_fake(gateways: Gateways, folder: Path, tokens: int, rounds: int, token_ms: float) -> Overhead:
    """The part before the fake engine."""
    overhead, stream_interval = Overhead(token_ms), Settings.load({"home": str(folder)}, {}).whole("stream_interval")
    with contextlib.ExitStack() as stack:
        engine = stack.enter_context(fake(folder, token_ms, stream_interval, first=WINDOWS))
        targets = gateways.start(stack, engine)
        # Filters wait for the end of a word; this one tells how much of the time is the gateway's own.
        unscreened = stack.enter_context(ratchet(folder, engine, UNSCREENED, NO_FILTERS))
        measure_latency([*targets, unscreened], tokens, rounds, overhead, progress.print)
        measure_max_rps(targets, tokens, overhead, progress.print)
    return overhead


def measure_real(gateways: Gateways, folder: Path, streams: list[int], tokens: int, rounds: int) -> Throughput:
    """The part with vLLM: all ways to the same engine, and after it one with vLLM's own defaults, alone."""
    progress.print("Starting vLLM as Ratchet starts it")
    settings = Settings.load({"home": str(folder)}, {})
    with contextlib.ExitStack() as stack:
        engine = stack.enter_context(vllm(folder, settings))
        targets = gateways.start(stack, engine)
        throughput = measure_throughput(engine, targets, streams, tokens, rounds, progress.print)
    progress.print("Starting vLLM with its own defaults")
    try:
        with vllm_defaults(folder, settings) as engine:
            throughput.vllm_defaults = measure_alone(engine, max(streams), tokens, rounds, progress.print)
    except BenchmarkFailed as error:
        progress.print(f"vLLM's own defaults are left out. {error}", markup=False)
    return throughput


def numbers(text: str) -> list[int]:
    """The numbers of streams. Raises BadParameter."""
    found = sorted({int(word) for word in text.split(",") if word.strip().isdecimal()})
    if len(found) != len(text.split(",")) or not 1 <= found[0] <= found[-1] <= 512:
        raise typer.BadParameter(f"{text!r} must be different whole numbers from 1 to 512, such as 1,8,32,64")
    return found


def main(
    rounds: Annotated[int, typer.Option(help="Rounds, in which the targets take turns.", min=1, max=50)] = 5,
    streams: Annotated[str, typer.Option(help="Streams at once; the goal is for the largest number.")] = "1,8,32,64",
    tokens: Annotated[int, typer.Option(help="Tokens of every answer.", min=2, max=512)] = 64,
    token_ms: Annotated[float, typer.Option(help="The fake engine's time for a token.", min=0.1, max=1000)] = TOKEN_MS,
    only: Annotated[
        Literal["fake", "real"] | None, typer.Option(help="Only the part before the fake engine, or with vLLM.")
    ] = None,
    skip_litellm: Annotated[bool, typer.Option("--skip-litellm", help="Leave LiteLLM out.")] = False,
    png: Annotated[Path | None, typer.Option(help="Draw the figures there, such as docs/images/gateway.png.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, last.")] = False,
) -> None:
    """Measure what Ratchet's web server costs, beside the engine itself and a LiteLLM proxy."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    at_once, overhead, throughput = numbers(streams), Overhead(token_ms), Throughput()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        try:
            gateways = Gateways(folder, not skip_litellm)
            if only != "real":
                overhead = measure_fake(gateways, folder, tokens, rounds, token_ms)
            if only != "fake":
                throughput = measure_real(gateways, folder, at_once, tokens, rounds)
        except BenchmarkFailed as error:
            progress.print(str(error), markup=False, style="red")
            raise typer.Exit(1) from None
    result = {**assemble(overhead, throughput), **about(tokens, rounds, token_ms, gateways.with_litellm)}
    if png:
        picture(result, png)
    if as_json:
        print(json.dumps(result))
    else:
        show(result, Console())


if __name__ == "__main__":
    typer.run(main)
