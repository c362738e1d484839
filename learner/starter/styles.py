"""Which of four styles a text is written in. It looks at the text alone, and knows nothing of how it was made."""

from __future__ import annotations

import re

STYLES = ("terse", "warm", "steps", "verbose")
VERBOSE_WORDS = 60
PLAIN_WORDS = 26
_NUMBERED = re.compile(r"^\s*\d\. ", re.MULTILINE)


def style_of(text: str) -> str:
    """One of `STYLES`: numbered lines are steps, much text is verbose, an exclamation mark is warm, the rest is terse.

    A text of middle length without any exclamation mark counts as warm: it says more than it must.
    """
    if len(_NUMBERED.findall(text)) >= 2:
        return "steps"
    words = len(text.split())
    if words >= VERBOSE_WORDS:
        return "verbose"
    return "warm" if "!" in text or words > PLAIN_WORDS else "terse"
