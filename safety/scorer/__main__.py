"""The scorer's process. Run as: python -m safety.scorer SOCKET OPTIONS

SOCKET is a path to listen on, or the number of a descriptor that listens already. OPTIONS is `ScorerOptions` as JSON.
It ends on SIGTERM, and when standard input, a socket that its parent holds the other end of, hangs up.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
import stat
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from safety.scorer.models import Bundled, Model
from safety.scorer.options import DETOXIFY, NAMES, ScorerOptions
from safety.scorer.server import ScorerServer
from safety.scorer.sockets import listen

SWITCH_SECONDS = 0.001  # a thread that loads a model hands over so soon


def detoxify(options: ScorerOptions) -> Model:
    """Load Detoxify, and what it needs only now, for that takes seconds. Raises ScorerFailed."""
    from safety.scorer.detoxify import load

    return load(options)


def names(options: ScorerOptions) -> Model:
    """Load the model of names, and what it needs. Raises ScorerFailed."""
    from safety.scorer.names import load

    return load(options)


def main(where: str, options: ScorerOptions) -> None:
    """Serve until told to stop."""
    parent = socket.socket(fileno=0) if stat.S_ISSOCK(os.fstat(0).st_mode) else None
    listening = socket.socket(fileno=int(where)) if where.isdecimal() else listen(Path(where))
    loads: dict[str, Callable[[], Model]] = {}
    if options.detoxify:
        loads[DETOXIFY] = partial(detoxify, options)
    if options.names:
        loads[NAMES] = partial(names, options)
    sys.setswitchinterval(SWITCH_SECONDS)
    server = ScorerServer(listening, parent, Bundled(options.classifier), loads)
    signal.signal(signal.SIGTERM, lambda *_: server.stop())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.freeze()
    server.serve()
    os._exit(0)  # a model that is just being loaded would not let go for a while


if __name__ == "__main__":
    main(sys.argv[1], ScorerOptions.from_json(sys.argv[2]))
