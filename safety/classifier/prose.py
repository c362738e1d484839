"""Prose that the classifier never saw: what installed packages say of themselves. Measured on, never taught."""

from __future__ import annotations

import re
import sysconfig
from collections.abc import Iterator
from pathlib import Path

LONGEST, SHORTEST = 350, 60  # characters of a piece
PER_PACKAGE = 30  # pieces, so that no package weighs much
_PARAGRAPH = re.compile(r"\n\s*\n")
_SENTENCE = re.compile(r"[a-z]{2,} [a-z]{2,} [a-z]{2,} [a-z]{2,}")


def prose(folder: Path | None = None) -> list[str]:
    """Pieces of English from the descriptions of the packages in `folder`, this environment's if left out."""
    folder = folder or Path(sysconfig.get_paths()["purelib"])
    return [piece for path in sorted(folder.glob("*.dist-info/METADATA")) for piece in _pieces(path)]


def _pieces(path: Path) -> Iterator[str]:
    _, _, description = path.read_text("utf-8", errors="replace").partition("\n\n")
    found = 0
    for paragraph in _PARAGRAPH.split(description):
        piece = " ".join(paragraph.split())[:LONGEST]
        if len(piece) >= SHORTEST and _SENTENCE.search(piece) and found < PER_PACKAGE:
            found += 1
            yield piece
