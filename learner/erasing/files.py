"""The files of the home: what of them goes, and that it goes, whenever the process is killed in the middle."""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from analytics.disk import to_disk
from analytics.erasing import SHORTEST, Scope
from learner.dataset.dataset import FILES, MANIFEST, content_sha256
from learner.erasing.parquet import Rows
from learner.erasing.words import Words
from learner.errors import BadFile
from learner.lesson_files import read_lessons
from learner.lessons import Rating
from learner.pair import Pair
from learner.progress import read_json, write_json

TAUGHT = ("dataset.parquet", "ratings.parquet", "ai-feedback.parquet")  # of a run: what its adapter learned from
# The store has rules of its own, the others are no one's: keys, the model's name, what is laid down by operators.
LEFT_ALONE = ("store.duckdb", "keys.json", "signing", "erasures", "lock", "server.json", "ratchet.toml", "policy.toml")
WEIGHTS = (".safetensors", ".pt", ".bin", ".gguf", ".onnx")
DRAFT = ".erasing"
MADE_FROM = ("checkpoints", "reward", "adapter")  # in the folder of a run: weights that learned from its dataset


@dataclass(frozen=True)
class Found:
    """What of the home an erasure concerns: runs that taught, datasets with how many rows of theirs go, and texts.

    `texts` are what stands in the rows of datasets, where personal data has placeholders.
    """

    runs: Sequence[str] = ()
    datasets: Mapping[str, int] = field(default_factory=dict)
    texts: Sequence[str] = ()
    files: int = 0


@dataclass
class Scrubbed:
    """What went: rows, parts of JSON and texts by the first folder of their path, and files that could not be read."""

    rows: Counter[str] = field(default_factory=Counter)
    parts: Counter[str] = field(default_factory=Counter)
    files: Counter[str] = field(default_factory=Counter)

    def to_values(self) -> dict[str, dict[str, int]]:
        """By place, for the receipt."""
        places = sorted({*self.rows, *self.parts, *self.files})
        kinds = {"rows": self.rows, "parts": self.parts, "files": self.files}
        return {place: {name: kind[place] for name, kind in kinds.items() if kind[place]} for place in places}


def find(home: Path, scope: Scope, only: Path | None = None) -> Found:
    """Look through the home, or one folder of it; nothing is changed. A file that cannot be read counts as one."""
    runs: list[str] = []
    datasets: dict[str, int] = {}
    texts: set[str] = set()
    files = 0
    with Rows.of(scope) as rows:
        for path in _files(home, ".parquet", only):
            try:
                count = rows.count(path)
            except duckdb.Error:
                files += 1
                continue
            place = path.relative_to(home).parts
            files += bool(count)
            if count and place[0] == "runs" and path.name in TAUGHT and place[1] not in runs:
                runs.append(place[1])
            if count and path.stem in FILES and (path.parent / MANIFEST).exists():
                texts.update(text for text in rows.texts(path) if len(text) >= SHORTEST)
                if place[0] == "datasets":
                    datasets[place[1]] = datasets.get(place[1], 0) + count
    return Found(runs, datasets, sorted(texts), files)


def scrub(home: Path, scope: Scope, texts: Collection[str], erasure_id: str, runs: Collection[str] = ()) -> Scrubbed:
    """Take what goes out of every file of the home but the store's; `runs` are those whose weights go as well.

    Each file is replaced in one step, and doing it twice does no harm. A Parquet file that cannot be read goes.
    """
    done, words = Scrubbed(), Words(scope, texts)
    for draft in [*home.glob("datasets/.draft-*"), *home.rglob(f".*{DRAFT}")]:
        _remove(draft)  # of a process that was killed
    for run in runs:
        for name in MADE_FROM:
            if (folder := home / "runs" / run / name).exists():
                _remove(folder)
                done.files["runs"] += 1
    with Rows.of(scope) as rows:
        folders = sorted({path.parent for path in _files(home, ".parquet")})
        for folder in folders:
            _scrub_tables(home, folder, rows, erasure_id, done)
    for path in _files(home):
        if path.suffix != ".parquet":
            _scrub_words(home, path, words, done)
    return done


def _scrub_tables(home: Path, folder: Path, rows: Rows, erasure_id: str, done: Scrubbed) -> None:
    place = folder.relative_to(home).parts[0]
    drafts: dict[Path, Path] = {}
    taken: Counter[str] = Counter()
    for path in sorted(folder.glob("*.parquet")):
        draft = path.with_name(f".{path.name}{DRAFT}")
        try:
            count = rows.count(path)
            if rows.rewrite(path, draft):
                drafts[path] = draft
                taken[path.stem] = count
        except duckdb.Error:
            path.unlink()
            done.files[place] += 1
    if drafts and (folder / MANIFEST).exists() and set(FILES) & {path.stem for path in drafts}:
        _supersede(folder, drafts, taken, erasure_id)
    for path, draft in drafts.items():
        to_disk(draft).replace(path)
        done.rows[place] += taken[path.stem]


def _supersede(folder: Path, drafts: Mapping[Path, Path], taken: Mapping[str, int], erasure_id: str) -> None:
    """Say in the manifest what is no longer there; the hash of what was there stays, and the new one stands beside it.

    The manifest comes before the rows: whoever is killed in between finds them to be done still, and counted.
    """
    manifest: dict[str, Any] = dict(read_json(folder / MANIFEST) or {})
    if "dataset_sha256" not in manifest:
        return
    before = dict(manifest.get("superseded") or {"erasures": {}})
    erasures = {**before["erasures"]}
    erasures.setdefault(erasure_id, sum(taken.get(name, 0) for name in FILES))
    content = _content(folder, drafts)
    superseded = {"erasures": erasures, "rows": sum(erasures.values()), "content_sha256": content}
    write_json(folder / MANIFEST, {**manifest, "superseded": superseded})


def _content(folder: Path, drafts: Mapping[Path, Path]) -> str | None:
    """The hash of the rows that stay; None where they are not all there, as in a run that was killed."""

    def place(name: str) -> Path:
        path = folder / f"{name}.parquet"
        return drafts.get(path, path)

    try:
        teaches, judge = (read_lessons(Pair, place(name)) for name in ("dataset", "judge"))
        ratings, judge_ratings = (read_lessons(Rating, place(name)) for name in ("ratings", "judge_ratings"))
    except BadFile:
        return None
    learn = [pair for pair in teaches if pair.source != "anchor"]
    anchor = [pair for pair in teaches if pair.source == "anchor"]
    return content_sha256(learn, anchor, judge, ratings, judge_ratings)


def _scrub_words(home: Path, path: Path, words: Words, done: Scrubbed) -> None:
    place = path.relative_to(home).parts[0]
    try:
        content = path.read_bytes()
    except OSError:
        return
    if path.suffix in (".json", ".jsonl"):
        kept, count = _json(content, words) if path.suffix == ".json" else _lines(content, words)
        if count and kept is not None:
            draft = path.with_name(f".{path.name}{DRAFT}")
            draft.write_bytes(kept)
            to_disk(draft).replace(path)
            done.parts[place] += count
        if kept is not None:
            return
    filled, count = words.fill(content)
    if count:  # in place, for another process may be writing to it
        with path.open("r+b") as file:
            file.write(filled)
            os.fsync(file.fileno())
        done.parts[place] += count


def _json(content: bytes, words: Words) -> tuple[bytes | None, int]:
    try:
        kept, count = words.scrub(json.loads(content))
    except ValueError:
        return None, 0
    return json.dumps(kept, indent=1).encode(), count


def _lines(content: bytes, words: Words) -> tuple[bytes | None, int]:
    kept, count = [], 0
    for line in content.splitlines():
        try:
            value = json.loads(line)
        except ValueError:
            return None, 0
        left, parts = words.scrub([value])  # a line is dropped like a part of a list
        kept += [json.dumps(one, ensure_ascii=False).encode() + b"\n" for one in left]
        count += parts
    return b"".join(kept), count


def _files(home: Path, suffix: str = "", only: Path | None = None) -> Iterator[Path]:
    for path in sorted((only or home).rglob(f"*{suffix}")):
        first = path.relative_to(home).parts[0]
        if first.startswith(LEFT_ALONE) or path.suffix in WEIGHTS or path.is_symlink() or not path.is_file():
            continue
        yield path


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
