"""`./ratchet up`: one server per home, from the first line on the screen to an orderly stop."""

from __future__ import annotations

import contextlib
import fcntl
import gc
import logging
import os
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import uvicorn
from rich.console import Console

from chatbot.accounts import write_private
from chatbot.app import create_app
from chatbot.errors import HomeTaken, PortTaken, UserError
from chatbot.services import Services, build
from chatbot.settings import Settings

STOP_SECONDS = 10
COLLECT_AFTER = (20_000, 20, 50)  # objects, and collections of a generation before that of the next older one
SWITCH_SECONDS = 0.001
SERVER_FILE = "server.json"  # in the home: where the server that holds the home's lock is, and its operator's key
# Where a server is found that listens there.
_FOUND_AT = {"localhost": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - bound only where it is asked for


def serve(settings: Settings) -> None:
    """Serve until SIGINT or SIGTERM. Raises UserError for what a person can fix."""
    home = settings.home
    logging.basicConfig(level=settings.text("log_level").upper(), format="%(asctime)s %(name)s: %(message)s")
    for noisy in ("apscheduler", "httpx", "asyncio", "aiohttp"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    for sign in (signal.SIGINT, signal.SIGTERM):
        # uvicorn raises the signal again once it has stopped; what follows here must still be done.
        signal.signal(sign, lambda *_: sys.exit(0))
    with home_lock(home), take_port(settings) as listening:
        services = build(settings)
        try:
            _run(services, listening)
        finally:
            services.merging.stop()
            services.engine.stop()
            services.scorer.close()
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
            told = f"Ratchet already runs in {home}, as a server that may still be starting or as a command"
            raise HomeTaken(f"{told}; wait a moment, stop it, or choose another --home.") from None
        # Of a server that was killed. Somebody else may listen there by now, and must not be sent the operator's key.
        (home / SERVER_FILE).unlink(missing_ok=True)
        yield


def address(host: str, port: int) -> str:
    """Where a browser on this machine finds the server that listens on `host`."""
    host = _FOUND_AT.get(host, host)
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


@contextlib.contextmanager
def take_port(settings: Settings) -> Iterator[socket.socket]:
    """Take the port before anything slow begins. Raises PortTaken."""
    host, port = settings.text("host"), settings.whole("port")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((host, port))
            listening.listen()  # until then another server may bind the same port
        except OSError as error:
            told = f"Port {port} of {host} cannot be had ({error.strerror}); choose another --port or --host."
            raise PortTaken(told) from None
        yield listening


def _run(services: Services, listening: socket.socket) -> None:
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    from chatbot.pages import mount

    app = create_app(services, mount)
    settings = services.settings
    url = address(settings.text("host"), listening.getsockname()[1])  # of port 0 the system made a free one
    told = {"url": url, "pid": os.getpid(), "operator_key": services.accounts.keys["operator"]}
    write_private(settings.home / SERVER_FILE, told)
    _greet(services, url)
    _steady()
    config = uvicorn.Config(
        app, log_level="warning", timeout_graceful_shutdown=STOP_SECONDS, access_log=False, server_header=False
    )
    uvicorn.Server(config).run(sockets=[listening])


def _steady() -> None:
    """Keep the slowest first tokens from waiting for Python itself.

    What has been imported lives to the end, so the collector need not look at it again; and a thread that computes
    hands over after a millisecond, not after five.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)
    sys.setswitchinterval(SWITCH_SECONDS)


def _greet(services: Services, url: str) -> None:
    console = Console(highlight=False, soft_wrap=True)
    console.print("\n[bold]Ratchet[/] is starting; the model needs a moment to wake up.\n")
    url = services.accounts.reach.public_url or url
    for name, told in (
        ("Chat", url),
        ("Review", f"{url}/review"),
        ("Operate", f"{url}/operate\n"),
        *_first_admin(services, url),
        ("Model", services.model.name),
        ("Home", services.settings.home),
        ("Stop", "Ctrl+C\n"),
    ):
        console.print(f"  {name:8} {told}", markup=False)  # a path or an address may look like markup


def _first_admin(services: Services, url: str) -> tuple[tuple[str, str], ...]:
    """The link that is printed as long as nobody manages the accounts; it takes the place of the last start's."""
    token = services.accounts.links.for_first_admin()
    if token is None:
        return ()
    return (("Admin", f"{url}/join?token={token}"), ("", "once, within a day; makes you the admin\n"))
