"""What the machine's processor can do, found without torch."""

from __future__ import annotations

from functools import cache
from pathlib import Path

_CPU_INFO = Path("/proc/cpuinfo")


@cache
def fast_bfloat16() -> bool:
    """Whether the CPU has instructions for bfloat16; without them it is up to twenty times slower than float32."""
    flags = _CPU_INFO.read_text() if _CPU_INFO.exists() else ""
    return "amx_bf16" in flags
