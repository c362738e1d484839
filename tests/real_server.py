"""`./ratchet up` with a real vLLM, as a process of its own: started, asked, killed and started again by tests."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil

from chatbot.permissions import scopes_of
from learner import free_port
from learner.starter import MODEL_DIR

ROOT = Path(__file__).parents[1]
READY_SECONDS = 180.0
STOP_SECONDS = 30.0
SETTINGS = {
    "learn_every_hours": 0,
    "merge": "off",
    "learn_after_feedback": 0,
    "review_sample": 0,
    "experiment_look_seconds": 0.5,
    "holdback_share": 0,
    "max_streams": 16,
    "train_minutes": 2,
}
MERGING = ("--merge", "auto")


def plain_environment() -> dict[str, str]:
    """The environment without what somebody has set for a server of their own."""
    return {name: value for name, value in os.environ.items() if not name.startswith("RATCHET_")}


def ratchet(*words: str, seconds: float = 120, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the command line to its end, which must come within `seconds`."""
    command = [sys.executable, "-m", "chatbot", *words]
    clean = plain_environment() | environ
    return subprocess.run(command, cwd=ROOT, env=clean, capture_output=True, text=True, timeout=seconds)


def long_answer(tokens: int) -> dict:
    """Parameters for an answer of that many tokens: one plain word, since what is made up may look like a secret."""
    word = json.loads((MODEL_DIR / "tokenizer.json").read_text())["model"]["vocab"]["Ġthe"]
    return {"min_tokens": tokens, "max_tokens": tokens, "ignore_eos": True, "logit_bias": {str(word): 100}}


def told(done: subprocess.CompletedProcess[str]) -> dict:
    """The one object that `--json` printed."""
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def until(true: Callable[[], object], seconds: float = 60) -> None:
    """Wait for it."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"it did not happen in {seconds:.0f} s"
        time.sleep(0.05)


class RealServer:
    """One home and one port for as many starts as a test needs."""

    def __init__(self, folder: Path) -> None:
        self.home, self.log, self.port = folder / "home", folder / "server.log", free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None
        self.words: tuple[str, ...] = ()  # of the last start
        self._keys: dict[str, str] = {}  # by role, of the accounts that were made for them

    def start(self, *more: str) -> None:
        """Start it, in its own process group, and wait until a first answer can be had; `more` goes to `up`."""
        environ = plain_environment() | {f"RATCHET_{name.upper()}": str(value) for name, value in SETTINGS.items()}
        self.words = more
        words = [sys.executable, "-m", "chatbot", "up", "--home", str(self.home), "--port", str(self.port), *more]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                words, cwd=ROOT, env=environ, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        until = time.monotonic() + READY_SECONDS
        while not self.ready():
            assert self.process.poll() is None, f"the server died:\n{self.tail()}"
            assert time.monotonic() < until, f"the server was not ready in {READY_SECONDS:.0f} s:\n{self.tail()}"
            time.sleep(0.2)

    def start_as(self, *more: str) -> None:
        """Start it again, unless it was started with these very words."""
        if self.words != more:
            assert self.end(signal.SIGTERM) == (0, [])
            self.start(*more)

    def ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/readyz", trust_env=False).status_code == 200
        except httpx.TransportError:
            return False

    def tail(self) -> str:
        logs = [path for path in (self.log, *self.home.glob("*engine.log")) if path.exists()]
        return "\n".join(f"--- {path.name}\n{path.read_text(errors='replace')[-3000:]}" for path in logs)

    def family(self) -> list[psutil.Process]:
        """The server and everything that it has started."""
        process = psutil.Process(self.process.pid)
        return [process, *process.children(recursive=True)]

    def end(self, sign: signal.Signals) -> tuple[int, list[str]]:
        """Send the signal to the server alone; returns its exit code and what it left running."""
        family = self.family()
        self.process.send_signal(sign)
        code = self.process.wait(STOP_SECONDS)
        _, left = psutil.wait_procs(family, timeout=STOP_SECONDS)
        return code, [*map(_words, filter(_runs, left)), *self.traces()]

    def traces(self) -> list[str]:
        """What runs for this home or in the server's process group, whoever its parent is by now."""
        return [
            _words(process)
            for process in psutil.process_iter()
            if _runs(process) and (str(self.home) in _words(process) or _group(process) == self.process.pid)
        ]

    @contextmanager
    def client(self, role: str = "guest", **headers: str) -> Iterator[httpx.Client]:
        """Somebody new, with a cookie jar of their own; the operator's key is that of the command line."""
        if role != "guest":
            headers["Authorization"] = f"Bearer {self.key(role)}"
        with httpx.Client(base_url=self.url, headers=headers, timeout=60, trust_env=False) as client:
            yield client

    def key(self, role: str) -> str:
        """The key of the command line, or that of an account of this role, which is made when it is first asked for."""
        own = json.loads((self.home / "keys.json").read_text())["operator"]
        if role == "operator":
            return own
        if role not in self._keys:
            scopes = scopes_of(role)
            with httpx.Client(base_url=self.url, headers={"Authorization": f"Bearer {own}"}, trust_env=False) as client:
                account = client.post("/v1/accounts", json={"name": role, "role": role}).json()["account_id"]
                made = client.post("/v1/keys", json={"name": role, "scopes": scopes, "account_id": account})
                self._keys[role] = made.json()["key"]
        return self._keys[role]


def ask(client: httpx.Client, text: str, **more: object) -> dict:
    """One question to the default model; returns the completion."""
    response = client.post("/v1/chat/completions", json={"messages": [{"role": "user", "content": text}], **more})
    assert response.status_code == 200, response.text
    return response.json()


def events(response: httpx.Response) -> Iterator[dict]:
    """The events of a stream; its last line must be [DONE]."""
    for line in response.iter_lines():
        if line == "data: [DONE]":
            return
        if line:
            yield json.loads(line.removeprefix("data: "))
    raise AssertionError("the stream broke off")


def shown(chunks: list[dict]) -> str:
    """The text of a stream."""
    return "".join(choice["delta"].get("content", "") for chunk in chunks for choice in chunk["choices"])


def _runs(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _words(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return ""


def _group(process: psutil.Process) -> int | None:
    try:
        return os.getpgid(process.pid)
    except ProcessLookupError:
        return None
