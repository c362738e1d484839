"""The shelf of datasets under the home: each in a folder that its content names, and built again at will."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from analytics import Store
from learner.dataset.compare import compared
from learner.dataset.dataset import FILES, MANIFEST, Dataset
from learner.errors import BuildFailed, UnknownDataset
from learner.process import child_environment
from learner.progress import read_json, write_json
from learner.settings import LapSettings

ROOT = Path(__file__).parents[2]
SHELF = "datasets"  # under the home
ORDER, RESULT = "build.json", "built.json"


@dataclass(frozen=True)
class Order:
    """The content of `build.json`: what a child is to build from the snapshot beside it."""

    settings: Mapping[str, Any]
    groups: tuple[int, int, int]
    without: tuple[str, ...]
    model: str
    now: str | None
    shelf: str

    @classmethod
    def read(cls, folder: Path) -> Order:
        """Read it from a folder."""
        values: dict[str, Any] = read_json(folder / ORDER) or {}
        groups, without = (tuple(values.pop(name)) for name in ("groups", "without"))
        return cls(groups=groups, without=without, **values)


class Datasets:
    """Builds, lists and compares. A build is a child process, so that a server stays light."""

    def __init__(
        self, store: Store, home: Path, *, model: str, settings: LapSettings, groups: tuple[int, int, int]
    ) -> None:
        self._store, self.folder = store, home / SHELF
        self.building = threading.Lock()  # held while a copy of the events lies in the shelf
        self._model, self._settings, self._groups = model, settings, groups

    def build(self, *, as_of: datetime | None = None, without: Sequence[str] = (), actor: str) -> dict[str, Any]:
        """Build one from what had happened by `as_of` (now if left out), without some people; returns its manifest.

        Raises BuildFailed.
        """
        order = Order(self._settings.to_values(), self._groups, tuple(without), self._model, None, str(self.folder))
        until = None if as_of is None else self._store.place(as_of)
        manifest = self._built(order, until, as_of)
        self._note("dataset.build", actor, manifest)
        return manifest

    def rebuild(
        self, dataset: str, *, as_of: datetime | None = None, without: Sequence[str] = (), actor: str
    ) -> dict[str, Any]:
        """Build one again from the same events, or those of another instant, or without more people.

        `same` in what is returned says whether the content is that of `dataset`. Raises UnknownDataset, BuildFailed.
        """
        before = self.show(dataset)
        order = Order(
            settings={**self._settings.to_values(), **before["settings"]},
            groups=tuple(before["groups"]),
            without=tuple(sorted({*before["without"], *without})),
            model=str(before.get("model") or self._model),
            now=None if as_of else before["instant"],
            shelf=str(self.folder),
        )
        until = before["seq"] if as_of is None else self._store.place(as_of)
        manifest = self._built(order, until, as_of)
        self._note("dataset.rebuild", actor, {**manifest, "of": before["id"]})
        return {**manifest, "of": before["id"], **self._same(manifest, before)}

    def _same(self, manifest: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
        """Whether the content is that of `before`; where rows of that were erased, what else differs from the rest."""
        same = manifest["dataset_sha256"] == before["dataset_sha256"]
        if not (erased := before.get("superseded")):
            return {"same": same}
        other = 0
        if manifest["dataset_sha256"] != erased["content_sha256"]:
            sides = self.diff(before["id"], str(manifest["id"]))["sides"].values()
            other = sum(side["only_first"]["rows"] + side["only_second"]["rows"] for side in sides)
        told = f"differs by {erased['rows']} erased rows"
        return {
            "same": same,
            "erased_rows": erased["rows"],
            "other_rows": other,
            "told": f"{told} and {other} others" if other else told,
        }

    def list(self) -> list[dict[str, Any]]:
        """Every dataset's id, instant, when it was made and how much it has, the newest first."""
        found = [self.show(path.parent.name) for path in self.folder.glob(f"[!.]*/{MANIFEST}")]
        return [_brief(manifest) for manifest in sorted(found, key=lambda one: str(one["created"]), reverse=True)]

    def show(self, dataset: str) -> dict[str, Any]:
        """The manifest; a part of the id will do where it is only of one. Raises UnknownDataset."""
        return dict(read_json(self.find(dataset) / MANIFEST) or {})

    def find(self, dataset: str) -> Path:
        """The folder of a dataset. Raises UnknownDataset."""
        names = sorted(path.parent.name for path in self.folder.glob(f"[!.]*/{MANIFEST}"))
        found = [name for name in names if name == dataset] or [
            name for name in names if len(dataset) >= 4 and name.startswith(dataset)
        ]
        if len(found) != 1:
            raise UnknownDataset(dataset, found)
        return self.folder / found[0]

    def read(self, dataset: str) -> Dataset:
        """The rows. Raises UnknownDataset, BadFile."""
        return Dataset.read(self.find(dataset))

    def diff(self, one: str, other: str) -> dict[str, Any]:
        """Which rows only one of two datasets has, by side, source and person. Raises UnknownDataset, BadFile."""
        return compared(self.read(one), self.read(other))

    def _built(self, order: Order, until: int | None, as_of: datetime | None) -> dict[str, Any]:
        if as_of is not None:
            order = Order(**{**vars(order), "now": as_of.astimezone(UTC).isoformat()})
        with self.building, self._draft() as draft:
            self._store.snapshot(draft / "events", until)
            write_json(draft / ORDER, asdict(order))
            _run(draft, self._settings.train_threads)
            return shelve(draft, self.folder)

    @contextlib.contextmanager
    def _draft(self) -> Iterator[Path]:
        self.folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self.folder, prefix=".draft-") as folder:
            yield Path(folder)

    def _note(self, action: str, actor: str, manifest: Mapping[str, Any]) -> None:
        told = {
            name: manifest[name]
            for name in ("id", "dataset_sha256", "seq", "instant", "without", "of")
            if name in manifest
        }
        self._store.append(self._store.audit(action, actor, told))


def shelve(run: Path, shelf: Path) -> dict[str, Any]:
    """Put the dataset that lies in `run` into its place on the shelf, where it may be already; returns its manifest."""
    manifest: dict[str, Any] = dict(read_json(run / MANIFEST) or {})
    target = shelf / str(manifest["id"])
    if (target / MANIFEST).exists():
        return manifest
    shelf.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=shelf, prefix=".draft-"))
    for name in (*(f"{name}.parquet" for name in FILES), MANIFEST):
        _linked(run / name, draft / name)
    draft.chmod(0o755)
    try:
        draft.rename(target)
    except OSError:  # another build of the same content came first
        shutil.rmtree(draft)
    return manifest


def _linked(source: Path, target: Path) -> None:
    """The files of a dataset are never changed, so a second name costs nothing; across devices it is a copy."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _run(folder: Path, threads: int) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "learner.dataset.build", str(folder)],
        cwd=ROOT,
        env=child_environment(threads),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    result = read_json(folder / RESULT) or {}
    if done.returncode or "error" in result:
        last = (done.stderr.strip().splitlines() or ["it was killed"])[-1]
        raise BuildFailed(f"The dataset could not be built: {result.get('error') or last}")


def _brief(manifest: Mapping[str, Any]) -> dict[str, Any]:
    counts = {
        side: manifest[side]["ratings" if "ratings" in side else "pairs"]
        for side in ("learn", "judge", "ratings", "judge_ratings")
    }
    told = {name: manifest[name] for name in ("id", "created", "instant", "without")}
    erased = (manifest.get("superseded") or {"rows": 0})["rows"]
    return {**told, **counts, "anchor": manifest["anchor"]["pairs"], "erased_rows": erased}
