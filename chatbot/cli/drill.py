"""`./ratchet drill`: rehearse what has to work when it is needed, and write down what was measured."""

from __future__ import annotations

import asyncio
import contextlib
import json as json_module
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from chatbot.cli.options import AsJson, ListsByDefault, print_json, with_settings
from chatbot.errors import UserError
from chatbot.settings import PREFIX, Settings

START_SECONDS, STOP_SECONDS = 600.0, 30.0
app = typer.Typer(cls=ListsByDefault, help="Rehearse a rollback under load, and see what earlier drills measured.")


@app.command("list")
@with_settings("home")
def list_(settings: Settings, json: AsJson = False) -> None:
    """Show the drills there were, and what each measured."""
    from chatbot.control import connect

    with connect(settings) as control:
        drills = control.drills()
    if json:
        print_json({"drills": drills})
        return
    table = Table.grid(padding=(0, 2))
    for drill in drills:
        table.add_row(*map(Text, (str(drill["at"])[:16], drill["drill_id"], drill["state"], drill["reason"])))
    Console().print(table if drills else "No drill yet; `./ratchet drill rollback` is the first.")


@app.command()
@with_settings("home", "model")
def rollback(
    settings: Settings,
    streams: Annotated[int, typer.Option(min=1, max=1000, help="Streams that are open meanwhile.")] = 64,
    tokens: Annotated[int, typer.Option(min=8, max=100_000, help="Tokens of each of them.")] = 200,
    throwaway: Annotated[
        bool, typer.Option("--throwaway", help="Start a server for it, in a home that is gone afterwards.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Promote a byte copy of the champion under load, roll it back under load, and time both.

    Whoever chats meanwhile gets what the champion says. It fails where a stream breaks off, where a new turn is served
    by the wrong adapter, and where a change takes a second or more.
    """
    from chatbot.control import running_server
    from chatbot.drill import Drill

    console = Console(stderr=True)
    with contextlib.ExitStack() as held:
        if throwaway:
            console.print("A server for the drill starts, in a home of its own.")
        url, key = held.enter_context(_own_server(settings)) if throwaway else running_server(settings)
        drill = Drill(url, key, streams=streams, tokens=tokens, parameters=_plain_word(settings), told=console.print)
        found = asyncio.run(drill.run())
    if json:
        print_json(found)
    else:
        Console().print(_table(found))
    if found["state"] != "passed":
        raise typer.Exit(1)


def _table(found: Mapping[str, Any]) -> Table:
    table = Table.grid(padding=(0, 3))
    table.add_row(Text(found["state"], "bold"), Text(found["reason"]))
    for name, flip in found["detail"].items():
        told = (
            f"{flip['flip_ms']:.1f} ms; answered after {flip['asked_ms']:.0f} ms, the next turn began after "
            f"{flip['turn_ms']:.0f} ms; {flip['streams']} streams, {flip['dropped']} dropped; "
            f"{flip['turns']} new turns, {flip['wrong']} wrong"
        )
        table.add_row(Text(name, "dim"), Text(told))
    return table


def _plain_word(settings: Settings) -> Mapping[str, Any]:
    """Parameters for an answer of one plain word: what a model makes up after its end may look like a secret."""
    from chatbot.model import locate, remembered

    model = locate(remembered(settings.home) or settings.text("model"))
    with contextlib.suppress(OSError, ValueError, KeyError):
        words = json_module.loads((model.folder / "tokenizer.json").read_text())["model"]["vocab"]
        return {"logit_bias": {str(words[word]): 100 for word in ("Ġthe", "▁the") if word in words}}
    return {}


@contextlib.contextmanager
def _own_server(settings: Settings) -> Iterator[tuple[str, str]]:
    """The address and key of a server in a temporary home, which ends with this process, however that ends."""
    home = Path(tempfile.mkdtemp(prefix="ratchet-drill-"))
    environ = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    up = [sys.executable, "-m", "chatbot", "up", "--home", str(home), "--port", "0", "--model", settings.text("model")]
    log = home / "server.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "chatbot.keeper", *up],
            env=environ, stdin=subprocess.PIPE, stdout=out, stderr=out, start_new_session=True,
        )  # fmt: skip
    try:
        yield _ready(home, process, log)
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)
        process.kill()
        process.wait()
        shutil.rmtree(home, ignore_errors=True)


def _ready(home: Path, process: subprocess.Popen[bytes], log: Path) -> tuple[str, str]:
    import httpx

    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        if process.poll() is not None:
            raise UserError(f"The drill's server ended:\n{log.read_text(errors='replace')[-2000:]}")
        with contextlib.suppress(OSError, ValueError, KeyError, httpx.HTTPError):
            told = json_module.loads((home / "server.json").read_text())
            if httpx.get(f"{told['url']}/readyz", trust_env=False).status_code == 200:
                return told["url"], told["operator_key"]
        time.sleep(0.3)
    raise UserError(f"The drill's server was not ready after {START_SECONDS:.0f} s.")
