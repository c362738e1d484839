"""`./ratchet up`: one server per home, from the first line on the screen to an orderly stop."""

from __future__ import annotations

import contextlib
import fcntl
import json
import logging
import os
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import uvicorn
from rich.console import Console

from chatbot.app import create_app
from chatbot.errors import HomeTaken, PortTaken, UserError
from chatbot.services import Services, build
from chatbot.settings import Settings

STOP_SECONDS = 10
SERVER_FILE = "server.json"  # in the home: where the server that holds the home's lock is, and its operator's key
LOOPBACK = ("127.0.0.1", "localhost", "::1")
EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 - recognised here, bound only when somebody asks for it


def serve(settings: Settings) -> None:
    """Serve until SIGINT or SIGTERM. Raises UserError for what a person can fix."""
    home = settings.home
    logging.basicConfig(level=settings.text("log_level").upper(), format="%(asctime)s %(name)s: %(message)s")
    for noisy in ("apscheduler", "httpx", "asyncio", "aiohttp"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    for sign in (signal.SIGINT, signal.SIGTERM):
        # uvicorn raises the signal again once it has stopped; what follows here must still be done.
        signal.signal(sign, lambda *_: sys.exit(0))
    with home_lock(home), _socket(settings) as listening:
        services = build(settings)
        try:
            _run(services, listening)
        finally:
            services.engine.stop()
            (home / SERVER_FILE).unlink(missing_ok=True)


@contextlib.contextmanager
def home_lock(home: Path) -> Iterator[None]:
    """Hold the home, so that two processes never write to it. Raises HomeTaken, or UserError if it cannot be used."""
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = (home / "lock").open("w")
    except OSError as error:
        raise UserError(f"The home {home} cannot be used ({error.strerror}); choose another --home.") from None
    with lock as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise HomeTaken(f"A Ratchet server already runs in {home}; stop it, or choose another --home.") from None
        # Of a server that was killed. Somebody else may listen there by now, and must not be sent the operator's key.
        (home / SERVER_FILE).unlink(missing_ok=True)
        yield


def address(settings: Settings) -> str:
    """Where a browser on this machine finds the server."""
    host = settings.text("host")
    return f"http://{'127.0.0.1' if host in (*EVERYWHERE, *LOOPBACK) else host}:{settings.whole('port')}"


def _run(services: Services, listening: socket.socket) -> None:
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    from chatbot.pages import mount

    app = create_app(services, mount)
    settings = services.settings
    _write_server_file(settings, services.accounts.keys["operator"])
    _greet(services)
    config = uvicorn.Config(
        app, log_level="warning", timeout_graceful_shutdown=STOP_SECONDS, access_log=False, server_header=False
    )
    uvicorn.Server(config).run(sockets=[listening])


@contextlib.contextmanager
def _socket(settings: Settings) -> Iterator[socket.socket]:
    """Take the port before anything slow begins."""
    host, port = settings.text("host"), settings.whole("port")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((host, port))
        except OSError as error:
            raise PortTaken(f"Port {port} of {host} cannot be had ({error.strerror}); choose another --port.") from None
        yield listening


def _write_server_file(settings: Settings, key: str) -> None:
    path = settings.home / SERVER_FILE
    draft = path.with_name(".server.draft")
    with open(os.open(draft, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as file:  # noqa: PTH123
        json.dump({"url": address(settings), "pid": os.getpid(), "operator_key": key}, file)
    draft.replace(path)


def _greet(services: Services) -> None:
    url, keys = address(services.settings), services.accounts.keys
    chat = url if services.settings.text("host") in LOOPBACK else f"{url}/?key={keys['chat']}"
    console = Console()
    console.print("\n[bold]Ratchet[/] is starting; the model needs a moment to wake up.\n")
    for name, link in (
        ("Chat", chat),
        ("Review", f"{url}/review?key={keys['reviewer']}"),
        ("Operate", f"{url}/operate?key={keys['operator']}"),
    ):
        console.print(f"  {name:8} {link}", highlight=False, soft_wrap=True)
    console.print(f"\n  Model    {services.model.name}\n  Home     {services.settings.home}", highlight=False)
    console.print("  Stop     Ctrl+C\n", highlight=False)
