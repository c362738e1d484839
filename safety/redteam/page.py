"""The report as one HTML page that needs nothing else: no script, no font, no address."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from safety.redteam.report import in_words, shown

_PAGES = Environment(
    loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
    lstrip_blocks=True,
)  # fmt: skip
OUTCOMES = {
    "blocked_input": "message blocked",
    "blocked_output": "answer blocked",
    "refused": "model refused",
    "kept": "secret kept",
    "reviewed": "shown to a reviewer",
    "answered": "answered, unseen",
    "leaked": "secret leaked",
}
"""In the order of the bars: from what was stopped to what came through."""


def page(report: Mapping[str, Any]) -> str:
    """The page; what attackers wrote is escaped, and what cannot be seen is written out."""
    cells = {(cell["family"], cell["category"]): cell for cell in report["cells"]}
    return _PAGES.get_template("page.jinja").render(
        report=report, cells=cells, outcomes=OUTCOMES, in_words=in_words, shown=shown, percent=_percent, share=_share
    )


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.0f}%"


def _share(count: int, of: int) -> str:
    """A width in CSS."""
    return f"{100 * count / of if of else 0:.2f}%"
