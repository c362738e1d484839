"""What an adapter costs on a CPU: answers per second with and without one, with vLLM's own LoRA and with ours.

The limit is the base model without any adapter: at rank 16 the arithmetic of an adapter on every layer is about a tenth
of the starter's, and of one on the last fifth of the layers, as a lap trains it, a fiftieth. Both engines run side by
side, each waits while the other answers. Run as: ./ratchet bench lora --json
"""

from __future__ import annotations

import asyncio
import contextlib
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import aiohttp
import typer
from peft import get_peft_model
from transformers import AutoModelForCausalLM

from benchmarks import tell
from chatbot.engine_flags import CPU_WORKER, command, environment
from chatbot.model import locate
from chatbot.settings import Settings
from learner import BASE, LapSettings, free_port
from learner.starter import MODEL_DIR, questions
from learner.training.policy import lora_config

THEIRS = "vllm.v1.worker.cpu_worker.CPUWorker"
KEY, ADAPTER = "of the benchmark", "adapter"
TOKENS = 32  # of every answer
START_SECONDS = 300.0


def make_adapter(folder: Path, settings: Settings) -> None:
    """A LoRA adapter of random weights on those layers of the starter that a lap adapts."""
    model = AutoModelForCausalLM.from_pretrained(str(MODEL_DIR))
    config = lora_config(model, LapSettings(lora_rank=settings.whole("lora_rank")))
    config.init_lora_weights = False
    get_peft_model(model, config).save_pretrained(str(folder))


@contextlib.contextmanager
def engine(worker: str, settings: Settings, log: Path) -> Iterator[str]:
    """An engine with this class of worker; gives its address."""
    port = free_port()
    words = [worker if word == CPU_WORKER else word for word in command(locate("starter"), settings, port)]
    with log.open("wb") as output:
        process = subprocess.Popen(words, env=environment(settings, KEY), stdout=output, stderr=output)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


async def until_ready(session: aiohttp.ClientSession, address: str, adapter: Path) -> None:
    """Wait for the engine, and load the adapter. Raises TimeoutError."""
    async with asyncio.timeout(START_SECONDS):
        while True:
            with contextlib.suppress(aiohttp.ClientError):
                async with session.get(f"{address}/health") as response:
                    if response.ok:
                        break
            await asyncio.sleep(0.5)
    wanted = {"lora_name": ADAPTER, "lora_path": str(adapter)}
    async with session.post(f"{address}/v1/load_lora_adapter", json=wanted) as response:
        response.raise_for_status()


async def rate(session: aiohttp.ClientSession, address: str, model: str, at_once: int, count: int) -> float:
    """Answers per second."""
    seats, asked = asyncio.Semaphore(at_once), questions(0, count)

    async def ask(messages: object) -> None:
        body = {"model": model, "messages": messages, "max_tokens": TOKENS, "min_tokens": TOKENS, "ignore_eos": True}
        async with seats, session.post(f"{address}/v1/chat/completions", json=body) as response:
            response.raise_for_status()
            await response.read()

    began = time.perf_counter()
    await asyncio.gather(*(ask(question.messages) for question in asked))
    return count / (time.perf_counter() - began)


async def measure(at_once: int, count: int, rounds: int) -> dict[str, float]:
    """Medians over the rounds, in answers per second, and of the ratios within a round."""
    settings = Settings.load({"max_streams": at_once}, {})
    names = ("theirs_base", "theirs_adapter", "ours_base", "ours_adapter")
    seen: dict[str, list[float]] = {name: [] for name in names}
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        home = Path(folder)
        make_adapter(home / "adapter", settings)
        addresses = [stack.enter_context(engine(one, settings, home / f"{one}.log")) for one in (THEIRS, CPU_WORKER)]
        headers = {"Authorization": f"Bearer {KEY}"}
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(headers=headers, connector=connector) as session:
            for address in addresses:
                await until_ready(session, address, home / "adapter")
            ways = [(address, model) for address in addresses for model in (BASE, ADAPTER)]
            for number in range(rounds + 1):
                for name, (address, model) in zip(names, ways, strict=True):
                    found = await rate(session, address, model, at_once, count)
                    if number:  # the first round warms up
                        seen[name].append(found)
    return {
        **{f"{name}_per_s": round(statistics.median(rates), 1) for name, rates in seen.items()},
        "theirs_adapter_to_base": _ratio(seen["theirs_adapter"], seen["theirs_base"]),
        "ours_adapter_to_base": _ratio(seen["ours_adapter"], seen["ours_base"]),
        "ours_to_theirs": _ratio(seen["ours_adapter"], seen["theirs_adapter"]),
    }


def _ratio(above: list[float], below: list[float]) -> float:
    return round(statistics.median(a / b for a, b in zip(above, below, strict=True)), 2)


def main(
    at_once: Annotated[int, typer.Option(help="Answers at the same time.")] = 64,
    count: Annotated[int, typer.Option(help="Answers in each round.")] = 256,
    rounds: Annotated[int, typer.Option(help="Rounds, after one that warms up.")] = 3,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, last.")] = False,
) -> None:
    """Measure the cost of an adapter on a CPU."""
    tell(asyncio.run(measure(at_once, count, rounds)), as_json)


if __name__ == "__main__":
    typer.run(main)
