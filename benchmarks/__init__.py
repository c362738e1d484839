"""Benchmarks, run by `./ratchet bench NAME`: each measures things side by side in one run."""

from __future__ import annotations

import json
from collections.abc import Mapping


def tell(result: Mapping[str, object], as_json: bool) -> None:
    """Print what was measured: one JSON object, or a line for each figure."""
    if as_json:
        print(json.dumps(result))
        return
    for name, value in result.items():
        print(f"{name:24} {value}")
