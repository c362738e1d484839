"""What the machine's processor can do, found without torch."""

from __future__ import annotations

from functools import cache
from pathlib import Path

_CPU_INFO = Path("/proc/cpuinfo")


def bfloat16() -> bool:
    """Whether the CPU has instructions for bfloat16; without them it is up to twenty times slower than float32."""
    return "avx512_bf16" in _flags(_CPU_INFO) or fast_bfloat16()


def fast_bfloat16() -> bool:
    """Whether the CPU multiplies matrices of bfloat16 faster than those of float32.

    With the tiles of AMX it is several times faster; with AVX-512 alone, on the Xeons measured, nearly twice as slow
    (docs/LOG.md), and what is left of bfloat16 is half the memory.
    """
    return "amx_bf16" in _flags(_CPU_INFO)


def trains_in_bfloat16() -> bool:
    """Whether training multiplies in bfloat16: with AMX, and on AMD's processors with AVX-512 for it.

    On an EPYC of the Zen 4 the products of a small model's training were two to three times as fast (docs/LOG.md).
    """
    flags = _flags(_CPU_INFO)
    return fast_bfloat16() or ("avx512_bf16" in flags and "AuthenticAMD" in flags)


@cache  # training asks at every step
def _flags(cpu_info: Path) -> str:
    return cpu_info.read_text() if cpu_info.exists() else ""
