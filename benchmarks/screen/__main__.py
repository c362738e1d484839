"""What screening costs. Run as: ./ratchet bench screen --json"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from benchmarks.gateway.machine import about
from benchmarks.gateway.processes import ROOT, BenchmarkFailed
from benchmarks.screen.latency import Latency, measure_latency
from benchmarks.screen.servers import TOKEN_MS, Figures, measure_fake, measure_real, shown

progress = Console(stderr=True, highlight=False, soft_wrap=True)
DETOXIFY_SECONDS = 600


def main(
    tokens: Annotated[int, typer.Option(help="Tokens of a message, and of an answer.", min=8, max=512)] = 64,
    count: Annotated[int, typer.Option(help="Messages that are screened one after the other.", min=20)] = 500,
    texts: Annotated[int, typer.Option(help="Texts that Detoxify's models score; 0 leaves them out.", min=0)] = 24,
    streams: Annotated[int, typer.Option(help="Streams at once.", min=1, max=512)] = 64,
    rounds: Annotated[int, typer.Option(help="Rounds, screen on and off in turn.", min=1, max=50)] = 5,
    engine: Annotated[bool, typer.Option("--engine", help="With the bundled starter in vLLM as well.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, last.")] = False,
) -> None:
    """Measure a message through the default screen, Detoxify's models, and a server with and without its screen."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        try:
            progress.print(f"{count} messages of {tokens} tokens through the default screen")
            latency = measure_latency(tokens, count)
            detoxify = _detoxify(tokens, texts) if texts else {}
            progress.print("Starting a fake engine, and Ratchet with its screen and without")
            fake = measure_fake(folder, streams, tokens, rounds, progress.print)
            if engine:
                progress.print("Starting vLLM, and Ratchet with its screen and without")
            real = measure_real(folder, streams, tokens, rounds, progress.print) if engine else None
        except BenchmarkFailed as error:
            progress.print(str(error), markup=False, style="red")
            raise typer.Exit(1) from None
    result = {**_assembled(latency, detoxify, fake, real), **about(tokens, rounds, TOKEN_MS, False)}
    if as_json:
        print(json.dumps(result))
    else:
        _show(result)


def _detoxify(tokens: int, texts: int) -> Mapping[str, object]:
    """In a process of its own, for torch. Raises BenchmarkFailed."""
    progress.print(f"Detoxify at the size of BERT-base, {texts} texts")
    words = [sys.executable, "-m", "benchmarks.screen.detoxify", str(tokens), str(texts)]
    try:
        done = subprocess.run(words, cwd=ROOT, capture_output=True, check=True, timeout=DETOXIFY_SECONDS)
    except subprocess.SubprocessError as error:
        told = (getattr(error, "stderr", None) or b"").decode(errors="replace")[-2000:]
        raise BenchmarkFailed(f"Detoxify's models were not measured: {error}\n{told}") from None
    found: Mapping[str, object] = json.loads(done.stdout.splitlines()[-1])
    return found


def _assembled(
    latency: Latency, detoxify: Mapping[str, object], fake: Figures, real: Figures | None
) -> dict[str, object]:
    return {
        **{f"{name}_ms": round(value, 3) for name, value in latency.percentiles.items()},
        "cpu_ms_per_64_tokens": round(latency.cpu_ms, 3),
        "scorer_cpu_ms_per_64_tokens": round(latency.scorer_cpu_ms, 3),
        "failed": latency.failed,
        "classifier": latency.classifier,
        "speedup": detoxify.get("speedup"),
        "detoxify": detoxify or None,
        "stream_added_ttft_ms": fake.added_ttft_ms,
        "throughput_ratio": real.ratio if real else fake.ratio,
        "fake": shown(fake),
        "engine": shown(real),
    }


def _show(result: Mapping[str, object]) -> None:
    table = Table("figure", "value", box=None, pad_edge=False)
    for name, value in result.items():
        table.add_row(name, json.dumps(value) if isinstance(value, dict) else str(value))
    Console().print(table)


if __name__ == "__main__":
    typer.run(main)
