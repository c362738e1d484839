"""`./ratchet test`: the test suite."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import typer

ROOT = Path(__file__).resolve().parents[2]
# What needs a vLLM runs alone, for its times would suffer; all else runs in two processes, file by file.
WHOLE = (("-m", "engine and not ends"), ("-m", "not engine and not ends", "-n", "2", "--dist", "loadfile"))
PASS_THROUGH = {"allow_extra_args": True, "ignore_unknown_options": True}


def test(context: typer.Context) -> None:
    """Run the suite, in two parts; further words go to pytest, which then runs once (`./ratchet test -k store`)."""
    parts = (tuple(context.args),) if context.args else WHOLE
    codes = [subprocess.call([sys.executable, "-m", "pytest", *words], cwd=ROOT) for words in parts]
    raise typer.Exit(next(filter(None, codes), 0))
