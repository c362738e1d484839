"""What is measured: the fake engine, vLLM as Ratchet starts it, vLLM with its own defaults, and Ratchet itself."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.gateway.processes import Target, running, until_ready
from chatbot.engine_flags import command, environment
from chatbot.model import locate
from chatbot.settings import Settings
from learner import BASE, free_port
from safety.policy import BUNDLED

READY_SECONDS, ENGINE_SECONDS = 60.0, 300.0
DEFAULTS = "ratchet_defaults"  # the target with everything that is on by default
UNSCREENED, NO_FILTERS = "ratchet_unscreened", "[filters]\n"
NOT_LIGHT = ("toxicity", "harm", "guard", "facts")  # filters that are more than normalisation and patterns
DEFAULT = "default"  # Ratchet's name for whatever model the caller is routed to
PREFIX = "RATCHET_"


def plain_environment() -> dict[str, str]:
    """The environment without what somebody has set for a server of their own, and without proxies."""
    return {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}


def light_policy() -> str:
    """The bundled policy with its filters of patterns alone."""
    tables = re.split(r"^(?=\[)", BUNDLED.read_text(encoding="utf-8"), flags=re.MULTILINE)
    heavy = re.compile(rf"\[filters\.(?:{'|'.join(NOT_LIGHT)})[.\]]")
    return "".join(table for table in tables if heavy.match(table) is None)


def _bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


@contextlib.contextmanager
def fake(folder: Path, token_ms: float, stream_interval: int, answers: int = 1, first: int = 1) -> Iterator[Target]:
    """The fake engine, with so many different answers, of which the `first` tokens come together."""
    port, log = free_port(), folder / "fake.log"
    told = map(str, (port, BASE, token_ms, stream_interval, answers, first))
    words = [sys.executable, "-m", "benchmarks.gateway.upstream", *told]
    with running(words, plain_environment(), log) as process:
        url = f"http://127.0.0.1:{port}"
        until_ready(process, f"{url}/health", READY_SECONDS, log)
        yield Target("direct", url, BASE, _bearer("none"), process.pid)


@contextlib.contextmanager
def vllm(folder: Path, settings: Settings) -> Iterator[Target]:
    """vLLM with the bundled model and the flags with which Ratchet starts it."""
    port, key = free_port(), secrets.token_urlsafe(16)
    words = command(locate("starter"), settings, port)
    with _engine(folder / "vllm.log", words, environment(settings, key), port, key, "direct") as target:
        yield target


@contextlib.contextmanager
def vllm_defaults(folder: Path, settings: Settings) -> Iterator[Target]:
    """vLLM with the bundled model and its own defaults.

    It is told where to listen, and its memory: of its own accord it takes nine tenths of all there is, or gives up.
    """
    port, key = free_port(), secrets.token_urlsafe(16)
    words = [sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--model", str(locate("starter").folder)]
    words += ["--served-model-name", BASE, "--host", "127.0.0.1", "--port", str(port)]
    environ = plain_environment() | {
        "VLLM_API_KEY": key,
        "VLLM_CPU_KVCACHE_SPACE": str(settings.whole("engine_memory_gib")),
        "VLLM_NO_USAGE_STATS": "1",
        "HF_HUB_OFFLINE": "1",
    }
    with _engine(folder / "vllm_defaults.log", words, environ, port, key, "vllm_defaults") as target:
        yield target


@contextlib.contextmanager
def _engine(log: Path, words: list[str], environ: dict[str, str], port: int, key: str, name: str) -> Iterator[Target]:
    # What the engine has kept of a prompt must not help whoever asks it next.
    with running(words, environ | {"VLLM_SERVER_DEV_MODE": "1"}, log) as process:
        url = f"http://127.0.0.1:{port}"
        until_ready(process, f"{url}/health", ENGINE_SECONDS, log)
        yield Target(name, url, BASE, _bearer(key), process.pid)


@contextlib.contextmanager
def ratchet(folder: Path, engine: Target, name: str = "ratchet", policy: str | None = None) -> Iterator[Target]:
    """Ratchet with its defaults in front of `engine`; nothing is learned meanwhile. Everybody who asks is a guest.

    `policy` takes the place of the bundled policy.
    """
    port, log = free_port(), folder / "ratchet.log"
    settings = {
        "engine_url": engine.url,
        "engine_key": engine.headers["Authorization"].removeprefix("Bearer "),
        "learn_every_hours": "0",
        "learn_after_feedback": "0",
        "log_level": "warning",
    }
    environ = plain_environment() | {f"{PREFIX}{name.upper()}": value for name, value in settings.items()}
    home = folder / f"home-{port}"
    if policy is not None:
        home.mkdir()
        (home / "policy.toml").write_text(policy)
    words = [sys.executable, "-m", "chatbot", "up", "--home", str(home), "--port", str(port)]
    with running(words, environ, log) as process:
        url = f"http://127.0.0.1:{port}"
        until_ready(process, f"{url}/readyz", READY_SECONDS, log)
        yield Target(name, url, DEFAULT, {}, process.pid)
