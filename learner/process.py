"""How a lap's process behaves beside the chat: it yields the processor and never outlives the server."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
from pathlib import Path

PARENT = "RATCHET_PARENT_PID"
ENGINE = "RATCHET_LAP_ENGINE"  # JSON of url, key and model: what a lap may roll out with
_DEVICES = "CUDA_VISIBLE_DEVICES"
_PR_SET_PDEATHSIG = 1
_NICE = 10
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS")


def child_environment(threads: int) -> dict[str, str]:
    """The environment of a lap that this process starts: its parent's id, a cap on threads, one GPU, no telemetry."""
    quiet = {"HF_HUB_DISABLE_TELEMETRY": "1", "TOKENIZERS_PARALLELISM": "false", "TRL_EXPERIMENTAL_SILENCE": "1"}
    caps = dict.fromkeys(_THREAD_VARIABLES, str(threads))
    return {**os.environ, **quiet, **caps, _DEVICES: _one_device(), PARENT: str(os.getpid())}


def _one_device() -> str:
    """One GPU of those that may be seen, and none where none may be: with several the trainer would use them all."""
    # The engine is on the first, so the last is the one with room. Unset, how many there are is not known here.
    return os.environ.get(_DEVICES, "0").split(",")[-1].strip()


def bind_to_parent() -> None:
    """Die when the parent dies, even by SIGKILL: the kernel sends the signal on Linux, `exit_if_orphaned` elsewhere.

    Does nothing for a lap started by hand, which has no server to follow.
    """
    if PARENT not in os.environ:
        return
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    exit_if_orphaned()  # the parent may have died before the kernel was told


def exit_if_orphaned() -> None:
    """End the process at once when the server that started it is no longer its parent."""
    parent = os.environ.get(PARENT)
    if parent is not None and os.getppid() != int(parent):
        os._exit(1)


def yield_to_chat(threads: int) -> None:
    """Run below the server in priority, with at most `threads` threads for arithmetic (set before torch is loaded)."""
    os.nice(_NICE)
    # Linux weighs sessions against each other before it weighs what is in them, and a lap is a session of its own.
    with contextlib.suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(_NICE))
    os.environ.update(dict.fromkeys(_THREAD_VARIABLES, str(threads)))
