"""A server with the part of OpenAI's API that guard models are asked by; a test says what it answers."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from math import log


@dataclass
class GuardServer:
    """`answer` makes the reply of the body of a request; `status` and `pause` in seconds go with it.

    `most_at_once` is how many requests waited at the same time, at most, and `connections` how many were opened.
    """

    url: str = ""
    status: int = 200
    pause: float = 0.0
    answer: Callable[[dict], object] = lambda body: chat("safe")
    most_at_once: int = 0
    connections: int = 0
    waiting: int = 0
    asked: list[tuple[str, str | None, dict]] = field(default_factory=list)  # path, authorization, body


def chat(text: str | None, **unsafe: float) -> dict:
    """A chat's reply; with `unsafe`, the probability of that word as the first one."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}}
    if unsafe:
        words = {"unsafe": unsafe["unsafe"], "safe": 1 - unsafe["unsafe"]}
        top = [{"token": word, "logprob": log(share)} for word, share in words.items()]
        blank = {"token": "\n\n", "logprob": 0.0, "top_logprobs": [{"token": "\n\n", "logprob": 0.0}]}
        choice["logprobs"] = {"content": [blank, {"token": "unsafe", "logprob": 0.0, "top_logprobs": top}]}
    return {"choices": [choice]}


def completions(*yes: float) -> dict:
    """A completion's reply of one token to several prompts, with the probability of `Yes` in each; not in order."""
    made = [
        {"index": at, "text": "Yes", "logprobs": {"top_logprobs": [{"Yes": log(share), "No": log(1 - share)}]}}
        for at, share in enumerate(yes)
    ]
    return {"choices": made[::-1]}


@contextmanager
def serving() -> Iterator[GuardServer]:
    told = GuardServer()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # or each answer waits 40 ms for the acknowledgement of its head

        def setup(self) -> None:
            super().setup()
            told.connections += 1

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            told.asked.append((self.path, self.headers.get("Authorization"), body))
            told.waiting += 1
            told.most_at_once = max(told.most_at_once, told.waiting)
            time.sleep(told.pause)
            told.waiting -= 1
            reply = told.answer(body)
            data = reply if isinstance(reply, bytes) else json.dumps(reply).encode()
            try:
                self.send_response(told.status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)
            except (BrokenPipeError, ConnectionResetError):
                pass  # who asked did not wait

        def log_message(self, *words: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield told
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
