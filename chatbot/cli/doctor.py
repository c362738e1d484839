"""`./ratchet doctor`: is this machine fit, and what to do where it is not."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import psutil
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from chatbot.cli.options import AsJson, print_json, with_settings
from chatbot.errors import UserError
from chatbot.settings import Settings

GIB = 2**30
MEMORY_GIB = 6
DISK_GIB = 5


class Finding(NamedTuple):
    """One thing looked at: whether it is fine, what was seen, and what to do if it is not."""

    name: str
    fine: bool
    seen: str
    remedy: str = ""


@with_settings("home", "host", "port", "model", "detoxify", "detoxify_checkpoint", "detoxify_model_dir")
def doctor(settings: Settings, json: AsJson = False) -> None:
    """Check Python, memory, GPU, ports, model, disk and classifier, and say what to do about each."""
    findings = list(examine(settings))
    if json:
        print_json({"fine": all(f.fine for f in findings), "findings": [f._asdict() for f in findings]})
    else:
        _print(findings)
    if not all(finding.fine for finding in findings):
        raise typer.Exit(1)


def examine(settings: Settings) -> Iterator[Finding]:
    """Look at each thing in turn."""
    yield _python()
    yield _memory()
    yield _gpu()
    yield _disk(settings.home)
    yield _port(settings.text("host"), settings.whole("port"), settings.home)
    yield _model(settings.text("model"))
    yield _classifier(settings)
    yield _browser()


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    return Finding("python", (3, 11) <= sys.version_info[:2] <= (3, 13), version, "Use Python 3.11, 3.12 or 3.13.")


def _memory() -> Finding:
    free = psutil.virtual_memory().available / GIB
    seen = f"{free:.1f} GiB available, {os.cpu_count()} cores"
    return Finding("memory", free >= MEMORY_GIB, seen, f"The starter needs {MEMORY_GIB} GiB: close other programs.")


def _gpu() -> Finding:
    if not shutil.which("nvidia-smi"):
        return Finding("gpu", True, "none; the CPU serves the starter and small models")
    words = ["nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader"]
    answer = subprocess.run(words, capture_output=True, text=True, check=False)
    remedy = "Install a driver that matches the GPU, or start with RATCHET_HARDWARE=cpu."
    return Finding("gpu", answer.returncode == 0, (answer.stdout or answer.stderr).strip(), remedy)


def _disk(home: Path) -> Finding:
    place = next(path for path in (home, *home.parents) if path.exists())
    free = shutil.disk_usage(place).free / GIB
    fine = free >= DISK_GIB and os.access(place, os.W_OK)
    return Finding(
        "disk", fine, f"{free:.0f} GiB free for {home}", "Free some space, or move the home with --home DIR."
    )


def _port(host: str, port: int, home: Path) -> Finding:
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            ours = _served_by(home) == port
            seen = "a Ratchet server of this home runs there" if ours else f"{place} cannot be had: {error.strerror}"
            return Finding("port", ours, seen, "Choose another one with --port N, or another --host.")
    return Finding("port", True, f"{place} is free")


def _served_by(home: Path) -> int | None:
    """The port of the server that runs in `home`; one that was killed has left its file behind."""
    try:
        told = json.loads((home / "server.json").read_text())
    except (OSError, ValueError):
        return None
    return int(told["url"].rpartition(":")[2]) if psutil.pid_exists(told["pid"]) else None


def _model(model: str) -> Finding:
    from chatbot.model import locate

    try:
        found = locate(model)
        return Finding("model", True, f"{found.name}, in {found.folder}")
    except Exception as error:
        return Finding("model", False, model, str(error))


def _classifier(settings: Settings) -> Finding:
    """Which one would screen; whether Detoxify's weights fit is known only once the scorer has read them."""
    from chatbot.screening import scorer_options
    from safety import ScorerFailed
    from safety.scorer.weights import located

    remedy = "The bundled classifier answers until then. Or turn it off with --detoxify off."
    try:
        options = scorer_options(settings)
        if not options.detoxify:
            return Finding("classifier", True, "the bundled one; --detoxify names a model of Detoxify instead")
        return Finding("classifier", True, f"Detoxify {options.detoxify}, from {located(options)}")
    except (UserError, ScorerFailed) as error:
        return Finding("classifier", False, f"Detoxify cannot be had: {error}", remedy)


def _browser() -> Finding:
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    return Finding(
        "browser for tests", True, found or "none: the browser tests will be skipped (apt-get install chromium)"
    )


def _print(findings: list[Finding]) -> None:
    table = Table.grid(padding=(0, 2))
    for finding in findings:
        mark = Text("ok", "green") if finding.fine else Text("no", "bold red")
        what_to_do = () if finding.fine else ("\n", (finding.remedy, "bold"))
        table.add_row(mark, finding.name, Text.assemble(finding.seen, *what_to_do))
    Console().print(table)
