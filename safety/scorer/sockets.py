"""Where the scorer listens."""

from __future__ import annotations

import os
import socket
import tempfile
from pathlib import Path

LONGEST = 100  # bytes of a path that every system takes for a Unix socket
WAITING = 128  # connections that are not taken yet
NAME = "scorer.sock"


def place(home: Path) -> Path:
    """A path for the socket: in the home, or in a new temporary folder where that path is too long."""
    inside = home / NAME
    return inside if len(os.fsencode(inside)) <= LONGEST else Path(tempfile.mkdtemp(prefix="ratchet-")) / NAME


def listen(path: Path) -> socket.socket:
    """A socket that listens at `path`, for this user alone; one that was left there is replaced."""
    path.unlink(missing_ok=True)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    mask = os.umask(0o177)
    try:
        listening.bind(str(path))
    finally:
        os.umask(mask)
    listening.listen(WAITING)
    return listening
