"""`./ratchet dev`: what the people who work on Ratchet run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import typer

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
app = typer.Typer(help="For the people who work on Ratchet: lint, fix, docs.", no_args_is_help=True)


def _run(*commands: tuple[str, ...]) -> None:
    codes = [subprocess.call([str(BIN / tool), *words], cwd=ROOT) for tool, *words in commands]
    if any(codes):
        raise typer.Exit(1)


@app.command()
def lint() -> None:
    """Check style, types and the arrows between the packages."""
    _run(("ruff", "check", "."), ("ruff", "format", "--check", "."), ("mypy",), ("lint-imports",))


@app.command()
def fix() -> None:
    """Mend what ruff can mend."""
    _run(("ruff", "check", "--fix", "."), ("ruff", "format", "."))


@app.command()
def docs() -> None:
    """Write the generated parts of the docs anew: the tables of settings and of permissions."""
    from chatbot.cli.docs import write_pages

    write_pages(ROOT / "docs")
