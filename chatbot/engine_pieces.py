"""How many tokens vLLM gathers for a piece of a stream: few at first, so that the screen can soon let a word pass.

vLLM sends the first token alone and then `--stream-interval` of them at a time. Nothing can be shown of one token: it
may be half a word, and a classifier reads two words at least.
"""

from __future__ import annotations

SECOND = 2  # tokens of the second piece
_LEAST = 2  # vLLM forgets what it has sent where its interval is 1


def next_piece(sent: int, interval: int) -> int:
    """The tokens of the piece after the first `sent`: 1, then 2, then up to the next multiple of `interval`.

    No piece but the first has fewer than 2, unless the `interval` itself is 1.
    """
    if sent == 0 or interval == 1:
        return 1
    return min(SECOND, interval) if sent == 1 else max(_LEAST, interval - sent % interval)
