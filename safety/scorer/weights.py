"""The file with Detoxify's weights: found, or downloaded if wanted, and never another one than the first time."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
import tomllib
import urllib.request
from collections.abc import Callable
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO, NamedTuple

from safety.errors import ScorerFailed
from safety.scorer.options import Kind, ScorerOptions

TABLE = Path(__file__).with_name("checkpoints.toml")
PINS = "detoxify-pins.json"  # in the home: the hash of each checkpoint at its first use
TIMEOUT_SECONDS = 10.0  # without a byte of a download
READ_BYTES = 2**20
PREFIX = 8  # digits of the hash in the name of a published file


class Published(NamedTuple):
    """Weights that Detoxify publishes."""

    url: str
    base: str

    @property
    def name(self) -> str:
        """The file's."""
        return self.url.rpartition("/")[2]

    @property
    def prefix(self) -> str:
        """How its hash begins."""
        return Path(self.name).stem.rpartition("-")[2]


def published(kind: Kind) -> Published:
    """The published weights of one of Detoxify's models."""
    return Published(**tomllib.loads(TABLE.read_text(encoding="utf-8"))[kind])


def places(kind: Kind, home: Path) -> list[Path]:
    """Where published weights are looked for: in the home, and where Detoxify itself keeps them."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser()
    torch_home = Path(os.environ.get("TORCH_HOME", cache / "torch")).expanduser()
    name = published(kind).name
    return [home / "detoxify" / name, torch_home / "hub" / "checkpoints" / name]


def located(options: ScorerOptions) -> Path:
    """The file to load; it may be downloaded first. Raises ScorerFailed where it cannot be had."""
    if options.checkpoint:
        return Path(options.checkpoint)
    found = places(options.detoxify, Path(options.home))
    there = next((path for path in found if path.is_file()), None)
    if there is not None:
        return there
    if not options.download:
        looked = " and ".join(str(path) for path in found)
        raise ScorerFailed(f"its weights are not there (looked for {looked}); put them there, or allow the download")
    _download(published(options.detoxify), found[0])
    return found[0]


def verified(options: ScorerOptions, path: Path, file: BufferedReader) -> str:
    """The SHA-256 of the open file, which is then at its beginning. Raises ScorerFailed for another than expected."""
    found = hashlib.file_digest(file, "sha256").hexdigest()
    file.seek(0)
    own = bool(options.checkpoint)
    prefix = "" if own else published(options.detoxify).prefix
    wanted = options.sha256
    if wanted and found != wanted:
        raise ScorerFailed(f"{path} hashes to {found}, and detoxify_sha256 is {wanted}")
    if not found.startswith(prefix):
        raise ScorerFailed(f"{path} hashes to {found}, but the published one begins with {prefix}; fetch it again")
    _pin(Path(options.home) / PINS, str(path) if own else path.name, found, agreed=bool(wanted))
    return found


def _pin(pins: Path, name: str, found: str, *, agreed: bool) -> None:
    known: dict[str, str] = json.loads(pins.read_text()) if pins.exists() else {}
    if not agreed and known.get(name, found) != found:
        told = f"{name} has changed: it hashes to {found}, and at its first use to {known[name]}"
        raise ScorerFailed(f"{told}; if that is meant, set detoxify_sha256, or take its line out of {pins}")
    if known.get(name) != found:
        _replace(pins, lambda file: file.write(json.dumps({**known, name: found}, indent=2).encode()))


def _download(weights: Published, target: Path) -> None:
    def fetch(file: BinaryIO) -> None:
        digest = hashlib.sha256()
        with urllib.request.urlopen(weights.url, timeout=TIMEOUT_SECONDS) as response:  # noqa: S310 - https, from the table
            while data := response.read(READ_BYTES):
                digest.update(data)
                file.write(data)
        if not digest.hexdigest().startswith(weights.prefix):
            raise ScorerFailed(f"what came from {weights.url} is not the published file: its hash is another")

    try:
        _replace(target, fetch)
    except OSError as error:
        raise ScorerFailed(f"its weights are not there, and cannot be downloaded ({error})") from None


def _replace(target: Path, write: Callable[[BinaryIO], object]) -> None:
    """Write a file whole or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=target.parent)
    try:
        with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor
            write(file)
        Path(name).replace(target)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            Path(name).unlink()
        raise
