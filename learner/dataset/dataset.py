"""A frozen dataset: what teaches, what judges, and the manifest that says how it came about."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import cast

from learner.errors import BadFile
from learner.lesson_files import read_lessons, write_lessons
from learner.lessons import Lessons, Rating
from learner.pair import Pair
from learner.progress import read_json, write_json

MANIFEST = "manifest.json"
FILES = ("dataset", "judge", "ratings", "judge_ratings")  # of Parquet, beside the manifest
ID_LETTERS = 12


@dataclass(frozen=True)
class Dataset:
    """Pairs to `learn` from and pairs to `judge` by, from people of different groups; `sha256` names the content.

    `anchor` are the clean pairs that are learned besides, and `approval` says why a person has to promote. Ratings are
    apart, and split in the same way.
    """

    learn: list[Pair]
    judge: list[Pair]
    anchor: list[Pair]
    approval: str | None
    sha256: str
    manifest: dict[str, object]
    ratings: list[Rating] = field(default_factory=list)
    judge_ratings: list[Rating] = field(default_factory=list)

    @property
    def id(self) -> str:
        """The name in the shelf of datasets: the same for the same content."""
        return self.sha256[:ID_LETTERS]

    def lessons(self) -> Lessons:
        """What teaches, the clean pairs included."""
        return Lessons([*self.learn, *self.anchor], self.ratings)

    def held_out(self) -> Lessons:
        """What judges."""
        return Lessons(self.judge, self.judge_ratings)

    def write(self, folder: Path) -> None:
        """Write the four Parquet files and the manifest into `folder`."""
        pairs, ratings = {"dataset": [*self.learn, *self.anchor], "judge": self.judge}, self._ratings()
        for name, rows in pairs.items():
            write_lessons(Pair, rows, folder / f"{name}.parquet")
        for name, rated in ratings.items():
            write_lessons(Rating, rated, folder / f"{name}.parquet")
        write_json(folder / MANIFEST, self.manifest)

    @classmethod
    def read(cls, folder: Path) -> Dataset:
        """Read what `write` wrote. Raises BadFile where a file is missing or is not what the manifest names."""
        manifest = read_json(folder / MANIFEST)
        if manifest is None:
            raise BadFile(f"{folder} holds no dataset: there is no {MANIFEST} in it.")
        teaches, judge = (read_lessons(Pair, folder / f"{name}.parquet") for name in ("dataset", "judge"))
        ratings, judge_ratings = (
            read_lessons(Rating, folder / f"{name}.parquet") for name in ("ratings", "judge_ratings")
        )
        learn = [pair for pair in teaches if pair.source != "anchor"]
        anchor = [pair for pair in teaches if pair.source == "anchor"]
        found = content_sha256(learn, anchor, judge, ratings, judge_ratings)
        # Of one whose rows were erased in part, the manifest names what is left as well.
        superseded = cast("dict[str, object]", manifest.get("superseded") or {})
        if found not in (manifest["dataset_sha256"], superseded.get("content_sha256")):
            raise BadFile(f"The rows in {folder} are not those that its manifest names; build the dataset again.")
        approval = cast("str | None", manifest.get("approval"))
        return cls(learn, judge, anchor, approval, found, manifest, ratings, judge_ratings)

    def _ratings(self) -> dict[str, list[Rating]]:
        return {"ratings": self.ratings, "judge_ratings": self.judge_ratings}


def content_sha256(
    learn: Iterable[Pair],
    anchor: Iterable[Pair],
    judge: Iterable[Pair],
    ratings: Iterable[Rating],
    judge_ratings: Iterable[Rating],
) -> str:
    """Names the rows, in their order and on their side; not the files, which another version may write differently."""
    digest = sha256()
    parts: dict[str, Iterable[Pair | Rating]] = {
        "learn": learn, "anchor": anchor, "judge": judge, "ratings": ratings, "judge_ratings": judge_ratings
    }  # fmt: skip
    for name, rows in parts.items():
        digest.update(f"{name}\n".encode())
        for row in rows:
            digest.update(f"{json.dumps(vars(row), sort_keys=True)}\n".encode())
    return digest.hexdigest()
