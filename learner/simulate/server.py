"""A server of the demo's own: free port, fresh temporary home, gone when the demo is over."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from learner.ports import free_port
from learner.simulate.client import DemoError

ROOT = Path(__file__).parents[2]
STOP_SECONDS = 30


@dataclass(frozen=True)
class Own:
    """Where the server is, its process, and its home."""

    url: str
    process: subprocess.Popen[bytes]
    home: Path

    def key(self) -> str:
        """The operator's key, which is written to the home when the server starts."""
        told: dict[str, str] = json.loads((self.home / "server.json").read_text())
        return told["operator_key"]

    def check(self) -> None:
        """Raise DemoError, with the last lines of its log, when the server has ended."""
        if self.process.poll() is not None:
            lines = (self.home / "demo-server.log").read_text(errors="replace").splitlines()[-15:]
            raise DemoError("The demo's server ended:\n" + "\n".join(lines))


@contextlib.contextmanager
def own_server(settings: Mapping[str, object]) -> Iterator[Own]:
    """Start `./ratchet up` with `settings` in a temporary home, and leave nothing behind at the end."""
    home = Path(tempfile.mkdtemp(prefix="ratchet-demo-"))
    port = free_port()
    # What the person at the keyboard has set for their own server must not reach this one.
    environ = {name: value for name, value in os.environ.items() if not name.startswith("RATCHET_")}
    environ |= {f"RATCHET_{name.upper()}": str(value) for name, value in settings.items()}
    up = [sys.executable, "-m", "chatbot", "up", "--home", str(home), "--port", str(port)]
    # The keeper ends the server when this end of its standard input closes, however the demo itself ended.
    words = [sys.executable, "-m", "chatbot.keeper", *up]
    with (home / "demo-server.log").open("wb") as log:
        process = subprocess.Popen(
            words, cwd=ROOT, env=environ, stdin=subprocess.PIPE, stdout=log, stderr=log, start_new_session=True
        )
    try:
        yield Own(f"http://127.0.0.1:{port}", process, home)
    finally:
        _stop(process)
        shutil.rmtree(home, ignore_errors=True)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
