"""The scorer's process, as its parent sees it: started, watched, and started again when it ends or stands still."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

from safety.scorer.frames import STATE, Frames, State, framed
from safety.scorer.options import BUNDLED, ScorerOptions
from safety.scorer.sockets import listen, place

ROOT = Path(__file__).parents[2]
RESTART_SECONDS = (0.0, 0.5, 2.0, 5.0, 15.0)  # what is in flight is asked again at once
STEADY_SECONDS = 10.0  # one that lived as long is not taken for one that cannot live
START_SECONDS = 30.0
PING_SECONDS = 5.0
STOP_SECONDS = 3.0
log = logging.getLogger(__name__)


class Child:
    """Keeps the process. The socket is the parent's, so that whoever connects while there is none waits for the next.

    `up` is set while it answers, `settled` once it is known whether Detoxify is there.
    """

    def __init__(self, options: ScorerOptions) -> None:
        self._options = options
        folder = self._folder = Path(options.run_dir or options.home)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.path, self._log = place(folder), folder / "scorer.log"
        self._listening = listen(self.path)
        self._closing, self.up, self.settled = threading.Event(), threading.Event(), threading.Event()
        self._control: socket.socket | None = None
        self.state = State(0, {}, False, "")
        self.restarts, self.trouble = 0, ""
        self._thread = threading.Thread(target=self._watch, name="scorer", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the process, and wait until it has ended."""
        self._closing.set()
        if (control := self._control) is not None:
            with contextlib.suppress(OSError):
                control.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listening.close()
        self.path.unlink(missing_ok=True)
        if self.path.parent != self._folder:
            shutil.rmtree(self.path.parent, ignore_errors=True)

    def _watch(self) -> None:
        failures = 0
        while not self._closing.is_set():
            began = time.monotonic()
            try:
                self._live()
            except OSError as error:
                self.trouble = f"The scorer cannot be started: {error}."
            self._gone()
            if self._closing.is_set():
                return
            self.restarts += 1
            failures = 0 if time.monotonic() - began > STEADY_SECONDS else failures + 1
            log.warning("%s Its log is %s.", self.trouble, self._log)
            self._closing.wait(RESTART_SECONDS[min(max(0, failures - 1), len(RESTART_SECONDS) - 1)])

    def _live(self) -> None:
        """Start the process and heed it until it ends. Raises OSError."""
        ours, theirs = socket.socketpair()
        with ours:
            with theirs:
                process = self._spawn(theirs)
            self._control = ours
            if self._closing.is_set():  # `close` may have looked before there was anything to hang up
                ours.shutdown(socket.SHUT_RDWR)
            try:
                self._heed(ours)
            finally:
                self._control = None
                ours.close()
                _end(process)
        started = bool(self.state.pid)
        told = "died" if started else "ended while it started; scorer.log in the home says why"
        self.trouble = f"The scorer {told}, and is being started again."

    def _spawn(self, control: socket.socket) -> subprocess.Popen[bytes]:
        descriptor = self._listening.fileno()
        words = [sys.executable, "-m", "safety.scorer", str(descriptor), self._options.to_json()]
        threads = dict.fromkeys(
            ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), str(self._options.threads)
        )
        with self._log.open("ab") as output:
            return subprocess.Popen(
                words,
                cwd=ROOT,
                env={**os.environ, **threads},
                stdin=control.fileno(),
                stdout=output,
                stderr=output,
                pass_fds=(descriptor,),
                start_new_session=True,
            )

    def _heed(self, control: socket.socket) -> None:
        """Note what it tells of its state until it hangs up, or says nothing for too long."""
        frames, asked = Frames(), False
        control.settimeout(START_SECONDS)
        while True:
            try:
                data = control.recv(2**16)
                asked = False
            except TimeoutError:
                if asked or not self.up.is_set():
                    return
                control.sendall(framed([STATE]))
                asked = True
                continue
            except ConnectionError:
                return
            if not data:
                return
            for message in frames.feed(data):
                self._heard(State.read(message[1]))
            control.settimeout(PING_SECONDS)

    def _heard(self, state: State) -> None:
        self.state, self.trouble = state, ""
        self.up.set()
        if state.settled:
            self.settled.set()

    def _gone(self) -> None:
        self.up.clear()
        self.settled.clear()
        # The bundled classifier will be the same again; of Detoxify nobody knows before it is loaded.
        models = {name: known for name, known in self.state.models.items() if name == BUNDLED}
        self.state = State(0, models, False, "")


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(STOP_SECONDS)
        return
    process.kill()
    process.wait()
