"""Where a growing text is cut for filters that read more than patterns: after few tokens at first, then by sentences.

The cuts depend on the text alone, never on the pieces in which it comes.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass

FIRST = (2, 6)  # tokens after which the first windows end
MOST = 32  # tokens of a window
LEAST = 8  # tokens before a sentence's end also ends a window
CARRIED = 24  # tokens before a window that are read with it

# A word, or what counts as one: a sign, a letter of a script without spaces, a part of a very long word, a wide gap.
_TOKEN = re.compile(r"[\u0e00-\u0eff\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]|[^\W_]{1,12}|[^\w\s]|_|\s{16}")
_WHOLE = 12
_STOPS = frozenset(".!?\u2026\u3002\uff01\uff1f")


@dataclass(frozen=True)
class Window:
    """`text` is read, from `start` on in the whole; it decides up to `end`, and that is known once `known` letters are.

    All three are places in the whole text.
    """

    text: str
    start: int
    end: int
    known: int


class Windows:
    """Cuts a text that comes in pieces."""

    def __init__(self) -> None:
        self._text, self._at = "", 0  # what may be read again, and where that begins in the whole
        self._seen = 0  # of _text: up to here it is in tokens
        self._starts: deque[int] = deque(maxlen=CARRIED)  # of the last tokens, in the whole, up to the window's start
        self._fresh: list[int] = []  # starts of the window's tokens
        self._closed = 0  # windows so far
        self._begin = 0  # of the window, in the whole

    def take(self, piece: str) -> list[Window]:
        """The windows that end in what is known with this piece."""
        self._text += piece
        found: list[Window] = []
        while (token := _TOKEN.search(self._text, self._seen)) is not None:
            end, stops = token.end(), token[0] in _STOPS
            goes_on = len(token[0]) < _WHOLE and token[0][0].isalnum() and not _alone(token[0])
            if (goes_on or stops) and end == len(self._text):
                break  # whether a word or a sentence ends here is told by the next letter
            self._fresh.append(self._at + token.start())
            self._seen = end
            if self._ends(stops and self._text[end].isspace()):
                found.append(self._close(end, end + (goes_on or stops)))
        return found

    def finish(self) -> list[Window]:
        """The window of what is left."""
        end = self._at + len(self._text)
        return [self._close(len(self._text), len(self._text))] if end > self._begin else []

    def _ends(self, sentence: bool) -> bool:
        count = len(self._fresh)
        if self._closed < len(FIRST):
            return count >= FIRST[self._closed] - (FIRST[self._closed - 1] if self._closed else 0)
        return count >= MOST or (sentence and count >= LEAST)

    def _close(self, end: int, known: int) -> Window:
        start = min([self._begin, *self._starts])
        window = Window(self._text[start - self._at : end], start, self._at + end, self._at + known)
        self._starts += self._fresh
        self._fresh, self._begin = [], self._at + end
        self._closed += 1
        self._forget()
        return window

    def _forget(self) -> None:
        """Drop what no window will read again."""
        keep = min([self._begin, *self._starts]) - self._at
        self._text, self._at, self._seen = self._text[keep:], self._at + keep, self._seen - keep


def _alone(token: str) -> bool:
    return len(token) == 1 and "\u0e00" <= token <= "\u9fff"
