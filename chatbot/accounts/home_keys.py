"""keys.json in the home: the key of the command line, and the one that cookies are signed with."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

NAMES = ("operator", "signature")


def home_keys(home: Path) -> dict[str, str]:
    """The keys, made where there are none. What an older version kept beside them is left alone and opens nothing."""
    path = home / "keys.json"
    found: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    missing = {name: secrets.token_urlsafe(32) for name in NAMES if name not in found}
    if missing:
        write_private(path, {**found, **missing})
    return {name: (found | missing)[name] for name in NAMES}


def write_private(path: Path, value: Mapping[str, object]) -> None:
    """Write `value` as JSON, in one step, to a file that only its owner can read."""
    draft = path.with_name(f".{path.name}.draft")
    with open(os.open(draft, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as file:  # noqa: PTH123
        json.dump(value, file, indent=1)
    draft.replace(path)
