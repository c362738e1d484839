"""Writes a report into a folder: report.json for programs, report.html for people."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safety.errors import RedTeamError
from safety.redteam.page import page


def write(folder: Path, report: Mapping[str, Any]) -> Path:
    """Write both, and return the page. Raises RedTeamError where that cannot be done."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in (
            ("report.json", json.dumps(report, ensure_ascii=False, indent=1)),
            ("report.html", page(report)),
        ):
            draft = folder / f".{name}.draft"
            draft.write_text(text, encoding="utf-8")
            draft.replace(folder / name)
    except OSError as error:
        raise RedTeamError(f"{folder} cannot be written ({error.strerror}); choose another --out.") from None
    return folder / "report.html"
