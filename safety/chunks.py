"""Cuts a long text into parts that overlap, so that none of it stays unread."""

from __future__ import annotations

from collections.abc import Iterator

LENGTH = 400  # characters; never more tokens than a classifier of 512 reads
OVERLAP = 100


def chunks(text: str, length: int = LENGTH, overlap: int = OVERLAP) -> Iterator[tuple[int, str]]:
    """The parts with the place of each; they end between two words where there are any.

    Every stretch of `overlap / 2` characters or fewer is whole in one of them.
    """
    start = 0
    while len(text) - start > length:
        space = text.rfind(" ", start + length - overlap // 2, start + length)
        end = space if space > 0 else start + length
        yield start, text[start:end]
        start = end - overlap
    yield start, text[start:]
