"""Where a pattern may still begin to match: at the end of a text that goes on, the first part may have come already.

And whether it is worth while to look for one at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import regex

Pattern = regex.Pattern[str]


def contains(text: str, needed: Iterable[str]) -> bool:
    """Whether any of `needed` stands in the text. `any` with a generator takes twice as long."""
    for part in needed:  # noqa: SIM110
        if part in text:
            return True
    return False


def undecided(pattern: Pattern, text: str, start: int = 0) -> int:
    """The first place from `start` on at which `pattern` would match if the right text followed; its length if none."""
    end = len(text)
    first = pattern.search(text, start, partial=True)
    if first is None or first.start() == end:
        return end
    return next((match.start() for match in pattern.finditer(text, start, partial=True) if match.end() == end), end)


_RUN = re.compile(r"[!-~]* ?")  # of a text that is read from its end


def last_word(text: str, most: int) -> int:
    """Where the word of ASCII characters at the end begins, of which no more than `most` characters are looked at.

    The space before it belongs to it: engines send words so, and what comes together is shown together.
    """
    run = _RUN.match(text[: -most - 1 : -1])
    return len(text) if run is None else len(text) - run.end()
