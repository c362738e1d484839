"""`./ratchet bench`: the benchmarks, each of things that are measured side by side in one run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

ROOT = Path(__file__).resolve().parents[2]
PASS_THROUGH = {"allow_extra_args": True, "ignore_unknown_options": True}


def bench(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(help="Which benchmark; the list of them if left out.")] = None,
) -> None:
    """Run a benchmark of `benchmarks/`; further words go to it (`./ratchet bench store --json`)."""
    found = [*(ROOT / "benchmarks").glob("[a-z]*.py"), *(ROOT / "benchmarks").glob("[a-z]*/__main__.py")]
    known = sorted(path.parent.name if path.name == "__main__.py" else path.stem for path in found)
    if name is None:
        Console().print("Benchmarks: " + ", ".join(known), highlight=False)
        return
    if name not in known:
        raise typer.BadParameter(f"there is no benchmark {name!r}; choose one of {', '.join(known)}")
    raise typer.Exit(subprocess.call([sys.executable, "-m", f"benchmarks.{name}", *context.args], cwd=ROOT))
