"""One line of the operate page: which engine serves the champion, and why no other does."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any

_BAD = ("failed", "impossible")


def line(serving: Mapping[str, Any] | None) -> str:
    """What the status says of it, as HTML; what an operator may want to change is marked."""
    if serving is None:
        return ""
    tone = "rt-bad" if serving["state"] in _BAD else "rt-soft"
    return f"<p class='{tone}' id='rt-serving'>Served by {html.escape(str(serving['told']))}</p>"
