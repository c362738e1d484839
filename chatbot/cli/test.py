"""`./ratchet test`: the test suite."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import typer

ROOT = Path(__file__).resolve().parents[2]
# Tests that share a server go to one of the processes, and the others file by file to whichever is free.
WHOLE = ("-n", "2", "--dist", "loadgroup")
PASS_THROUGH = {"allow_extra_args": True, "ignore_unknown_options": True}


def test(context: typer.Context) -> None:
    """Run the suite in two processes; further words go to pytest, in one (`./ratchet test -k store`)."""
    raise typer.Exit(subprocess.call([sys.executable, "-m", "pytest", *(context.args or WHOLE)], cwd=ROOT))
