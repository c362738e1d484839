"""An OpenAI-compatible door on loopback that leads to the target, for tools that know nothing of us.

So such a tool never holds the key, its traffic is marked and bounded like ours, and how each answer ended is known,
which its own report does not tell.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from safety.errors import RedTeamError
from safety.redteam.target import Reply, Target

PASSED_ON = ("temperature", "top_p", "max_tokens", "seed", "frequency_penalty", "presence_penalty")
MOST_BYTES = 1 << 20


class Relay:
    """Answers `/v1/chat/completions`; `blocked` gathers the answers that a filter stopped, as they were told."""

    def __init__(self, target: Target, answered: Callable[[int], None]) -> None:
        self._target, self._answered, self._loop = target, answered, asyncio.get_running_loop()
        self.blocked: set[str] = set()
        self.count = 0

    def answer(self, body: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        """Ask the target, from the thread of a connection."""
        more = {name: body[name] for name in PASSED_ON if body.get(name) is not None}
        messages = [{"role": str(one.get("role")), "content": str(one.get("content"))} for one in body["messages"]]
        try:
            reply = asyncio.run_coroutine_threadsafe(self._target.ask(messages, **more), self._loop).result()
        except RedTeamError as error:
            return 400, _error(str(error))
        if reply.error:
            return 400, _error(reply.error)
        self.count += 1
        if reply.finish_reason == "content_filter":
            self.blocked.add(reply.text)
        self._loop.call_soon_threadsafe(self._answered, self.count)
        return 200, _completion(reply)


@contextmanager
def served(relay: Relay) -> Iterator[str]:
    """The relay's address, as long as it is needed."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(relay))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, name="relay", daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(relay: Relay) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._send(200, {"object": "list", "data": [{"id": "default", "object": "model"}]})

        def do_POST(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            if length > MOST_BYTES:
                self.close_connection = True
                self._send(413, _error("The body is too large."))
                return
            try:
                body = json.loads(self.rfile.read(length))
                told = relay.answer(body)
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                told = 400, _error(f"That is no chat completion: {error!r}.")
            self._send(*told)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing: the progress bar tells."""

        def _send(self, status: int, value: Mapping[str, Any]) -> None:
            body = json.dumps(value).encode()
            with suppress(ConnectionError):  # who asked may be gone
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

    return Handler


def _completion(reply: Reply) -> dict[str, Any]:
    message = {"role": "assistant", "content": reply.text}
    choice = {"index": 0, "message": message, "finish_reason": reply.finish_reason}
    return {"id": reply.response_id, "object": "chat.completion", "created": 0, "model": "default", "choices": [choice]}


def _error(message: str) -> dict[str, Any]:
    return {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": None}}
