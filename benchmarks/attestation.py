"""How closely the engine finds what the trainer swore to, in float32 and in bfloat16, and by the base alone.

Needs an adapter with an attestation, as a lap leaves it. Run as: ./ratchet bench attestation FOLDER --json
"""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import httpx
import typer

from benchmarks import tell
from chatbot.engine_flags import command, environment
from chatbot.engine_stream import prompt_logps
from chatbot.model import locate
from chatbot.settings import Settings
from learner import BASE, free_port
from learner.attestation import Attestation, likeness

KEY, ADAPTER = "of the benchmark", "adapter"
START_SECONDS = 500.0


@contextlib.contextmanager
def engine(dtype: str, log: Path) -> Iterator[httpx.Client]:
    """The starter's engine in this arithmetic."""
    port, settings = free_port(), Settings.load({}, {})
    words = command(locate("starter"), settings, port)
    words[words.index("--dtype") + 1] = dtype
    with log.open("wb") as output:
        process = subprocess.Popen(words, env=environment(settings, KEY), stdout=output, stderr=output)
    headers = {"Authorization": f"Bearer {KEY}"}
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=300, trust_env=False) as client:
            yield client
    finally:
        process.terminate()
        process.wait()


def ready(client: httpx.Client, adapter: Path) -> None:
    """Wait for the engine, and load the adapter. Raises TimeoutError."""
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        with contextlib.suppress(httpx.HTTPError):
            if client.get("/health").is_success:
                break
        time.sleep(0.5)
    else:
        raise TimeoutError("the engine did not start")
    told = {"lora_name": ADAPTER, "lora_path": str(adapter.resolve())}
    client.post("/v1/load_lora_adapter", json=told).raise_for_status()


def rated(client: httpx.Client, name: str, attestation: Attestation) -> tuple[list[float], float]:
    """What the engine says of the rows, in nats, and the seconds that it took."""
    found: list[float] = []
    began = time.perf_counter()
    for row in attestation.rows:
        asked = {"model": name, "prompt": [*row.prompt, *row.completion], "max_tokens": 1, "prompt_logprobs": 0}
        found += prompt_logps(client.post("/v1/completions", json=asked).raise_for_status().json(), row.completion)
    return found, time.perf_counter() - began


def main(
    adapter: Annotated[Path, typer.Argument(help="The folder of an adapter of the starter, with its attestation.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, last.")] = False,
) -> None:
    """Compare both arithmetics."""
    sworn = Attestation.read(adapter)
    if sworn is None:
        raise typer.BadParameter(f"{adapter} has no attestation")
    result: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        for dtype in ("float32", "bfloat16"):
            with engine(dtype, Path(folder) / "log") as client:
                ready(client, adapter)
                for name in (ADAPTER, BASE, ADAPTER):  # the first one warms up
                    found, seconds = rated(client, name, sworn)
                    like = likeness(sworn, found)
                    result |= {f"{dtype}_{name}_{part}": round(value, 5) for part, value in like._asdict().items()}
                    result[f"{dtype}_{name}_s"] = round(seconds, 2)
    tell(result, as_json)


if __name__ == "__main__":
    typer.run(main)
