"""Making sure that what was written is on the disk."""

from __future__ import annotations

import os
from pathlib import Path


def to_disk(path: Path) -> Path:
    """Return once the content of the file, or the names in the folder, are durable. Raises OSError."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    return path
