"""Which of the two it is: a server holds the home's lock as long as it runs."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

from chatbot.control.control import Control
from chatbot.control.local import Local
from chatbot.control.remote import Remote
from chatbot.errors import HomeTaken, NoServer
from chatbot.server import SERVER_FILE, home_lock
from chatbot.settings import Settings


@contextlib.contextmanager
def connect(settings: Settings, key: str | None = None) -> Iterator[Control]:
    """The running server of this home, or the store opened for the length of the command. Raises UserError.

    With a `key` of somebody's own the server knows who they are; without a server it cannot be used.
    """
    with contextlib.ExitStack() as held:
        try:
            held.enter_context(home_lock(settings.home))
        except HomeTaken as taken:
            remote = _server(settings.home, taken)
            if key is not None:
                remote.close()
                remote = Remote(remote.url, key)
            control: Remote | Local = remote
        else:
            if key is not None:
                raise NoServer("--key needs a server to tell whose it is; start one with `./ratchet up`.")
            control = Local(settings)
        yield held.enter_context(contextlib.closing(control))


def running_server(settings: Settings) -> tuple[str, str]:
    """The address of the running server of this home, and the operator's key. Raises NoServer."""
    try:
        with home_lock(settings.home):
            pass
    except HomeTaken as taken:
        with contextlib.closing(_server(settings.home, taken)) as remote:
            return remote.url, remote.key
    raise NoServer(f"No server runs in {settings.home}; start one with `./ratchet up`, or name one with --url.")


def _server(home: Path, taken: HomeTaken) -> Remote:
    """The server that holds the home; raises `taken` when it is another command, or a server that does not answer."""
    try:
        told = json.loads((home / SERVER_FILE).read_text())
    except FileNotFoundError:
        raise taken from None
    remote = Remote(told["url"], told["operator_key"])
    if remote.alive():
        return remote
    remote.close()
    raise taken
