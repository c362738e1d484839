"""Keeps a child only as long as its parent lives. Run as: python -m chatbot.keeper COMMAND...

The parent holds the other end of standard input. When that closes, because the parent stopped or was killed, everything
that the child has started ends with it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading

GRACE_SECONDS = 3.0
STOP_SECONDS = 15.0


def stop(keeper: subprocess.Popen[bytes]) -> None:
    """For the parent, which holds the keeper's standard input: end it and everything that it has started."""
    assert keeper.stdin is not None
    with contextlib.suppress(BrokenPipeError):
        keeper.stdin.close()
    with contextlib.suppress(subprocess.TimeoutExpired):
        keeper.wait(STOP_SECONDS)
    # One that was killed could not end the rest of its group.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(keeper.pid, signal.SIGKILL)
    keeper.wait()


def main(command: list[str]) -> None:
    """Run `command` until it ends or the parent is gone, then end all that is left of it. Must lead its own group."""
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    signal.signal(signal.SIGTERM, lambda *_: _end(child))
    threading.Thread(target=_watch, args=(child,), daemon=True).start()
    child.wait()
    _end_group()


def _watch(child: subprocess.Popen[bytes]) -> None:
    while sys.stdin.buffer.read(1):
        pass
    _end(child)


def _end(child: subprocess.Popen[bytes]) -> None:
    child.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(GRACE_SECONDS)
    _end_group()


def _end_group() -> None:
    """Kill the whole group, this process too: a child that was killed leaves its own children to nobody else."""
    os.killpg(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main(sys.argv[1:])
