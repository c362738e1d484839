"""`./ratchet export`: take the data elsewhere, ready for TRL."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, BinaryIO, Literal

import typer
from rich.console import Console

from chatbot.cli.options import AsJson, print_json, with_settings
from chatbot.errors import UserError
from chatbot.settings import Settings


@with_settings("home")
def export(
    settings: Settings,
    what: Annotated[Literal["pairs", "thumbs", "turns"], typer.Option(help="Which rows.")] = "pairs",
    format: Annotated[Literal["jsonl", "parquet"], typer.Option(help="Which file format.")] = "jsonl",
    out: Annotated[Path | None, typer.Option(help="File to write; standard output if left out.")] = None,
    json: AsJson = False,
) -> None:
    """Write preference pairs, thumbs or turns of people who agreed, in the shape TRL reads."""
    if out is None and json:
        raise typer.BadParameter("--json needs --out FILE, since the rows themselves go to standard output without it")
    if out is None:
        _write(settings, what, format, sys.stdout.buffer)
        return
    with _replacing(out) as file:
        rows = _write(settings, what, format, file)
    if json:
        print_json({"rows": rows, "file": str(out)})
    else:
        Console(stderr=True).print(f"{rows} rows in {out}", highlight=False, markup=False)


@contextlib.contextmanager
def _replacing(path: Path) -> Iterator[BinaryIO]:
    """A draft beside `path` that takes its place once it is whole, so that a failed export leaves the last one."""
    path = path.resolve()
    if path.exists() and not path.is_file():  # a device or a pipe cannot be replaced, and a folder is refused
        with _opened(path, path) as file:
            yield file
        return
    draft = path.with_name(f".{path.name}.draft")
    try:
        with _opened(draft, path) as file:
            yield file
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _opened(path: Path, named: Path) -> BinaryIO:
    try:
        return path.open("wb")
    except OSError as error:
        raise UserError(f"{named} cannot be written ({error.strerror}); choose another --out.") from None


def _write(settings: Settings, what: str, format: str, file: BinaryIO) -> int:
    from chatbot.control import connect

    with connect(settings) as control:
        return control.export(what, format, file)
