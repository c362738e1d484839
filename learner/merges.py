"""The merged adapters of a home: a cache, whose folders may be deleted at any time and are made again.

A folder `merged/NAME` is whole or not there. Nothing is trained from it: every adapter is trained from the base.
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from learner.adapter import weights_sha256
from learner.errors import BadAdapter, MergeFailed
from learner.merge import CANARY, JOB, MANIFEST, RESULT, Canary, MergeJob
from learner.process import child_environment
from learner.progress import read_json, write_json

MERGED = "merged"  # in the home
ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Merge:
    """A merged adapter that passed its parity test: `sha256` is that of the merged weights."""

    adapter: str
    folder: Path
    sha256: str
    manifest: dict[str, Any]
    canaries: tuple[Canary, ...]


class Merges:
    """Those of one base, the model in the folder `base`. `threads` is what a merge may use."""

    def __init__(self, home: Path, base: Path, base_sha256: str, threads: int = 1) -> None:
        self.folder = home / MERGED
        self._base, self._base_sha256, self._threads = base, base_sha256, threads

    def found(self, adapter: str, adapter_sha256: str) -> Merge | None:
        """The merge of these very weights, if it is there and its file is the one that was tested."""
        folder = self.folder / adapter
        with contextlib.suppress(ValueError, KeyError, TypeError, BadAdapter):  # a folder of another making
            manifest: Any = read_json(folder / MANIFEST) or {}
            wanted = (self._base_sha256, adapter_sha256)
            if (manifest.get("base_sha256"), manifest.get("adapter_sha256")) != wanted:
                return None
            if weights_sha256(folder) == manifest["merged_sha256"]:
                canaries: Any = read_json(folder / CANARY) or {}
                texts = tuple(Canary(**canary) for canary in canaries["canaries"])
                return Merge(adapter, folder, manifest["merged_sha256"], manifest, texts)
        return None

    @contextlib.contextmanager
    def making(self, adapter: str, folder: Path, adapter_sha256: str) -> Iterator[subprocess.Popen[bytes]]:
        """The process that merges the adapter in `folder`; `finish` once it has ended. It ends with the block."""
        draft = self._draft(adapter)
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        job = MergeJob(str(self._base), self._base_sha256, adapter, str(folder), adapter_sha256, self._threads)
        write_json(draft / JOB, asdict(job))
        with (draft / "log.txt").open("wb") as log:
            child = subprocess.Popen(
                [sys.executable, "-m", "learner.merge", str(draft)],
                cwd=ROOT,
                env=child_environment(self._threads),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            yield child
        finally:
            child.kill()
            child.wait()

    def finish(self, adapter: str, adapter_sha256: str) -> Merge:
        """Put what was merged in its place. Raises MergeFailed where it did not come to a good end."""
        draft = self._draft(adapter)
        if not (draft / MANIFEST).exists():
            said = read_json(draft / RESULT)
            told = said["message"] if said else f"The merge died; its log is {draft / 'log.txt'}."
            raise MergeFailed(str(told))
        shutil.rmtree(self.folder / adapter, ignore_errors=True)
        draft.rename(self.folder / adapter)
        made = self.found(adapter, adapter_sha256)
        if made is None:
            raise MergeFailed(f"The merged file in {self.folder / adapter} is not the one that was tested.")
        return made

    def sweep(self, keep: Collection[str]) -> None:
        """Remove all merges but those of the adapters to `keep`, and every draft."""
        for folder in self.folder.iterdir() if self.folder.is_dir() else ():
            if folder.name not in keep:
                shutil.rmtree(folder, ignore_errors=True)

    def _draft(self, adapter: str) -> Path:
        return self.folder / f".{adapter}.draft"
