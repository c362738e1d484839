"""How many tokens vLLM gathers for a piece of a stream: few at first, so that the screen can soon let a word pass.

vLLM sends the first token alone and then `--stream-interval` of them at a time. Nothing of one token can be shown where
answers are screened: it may be half a word, and a classifier reads two words at least. So there the first piece has as
many as that takes, which costs nobody any time, and is one piece less.
"""

from __future__ import annotations

FIRST_PIECE = "RATCHET_FIRST_PIECE"  # the variable of the engine's environment
UNSCREENED, PATTERNS, WINDOWS = 1, 2, 3  # tokens of the first piece, by what looks at answers
SECOND = 2  # tokens of the second piece, after a first token alone
_LEAST = 2  # vLLM forgets what it has sent where its interval is 1


def next_piece(sent: int, interval: int, first: int = UNSCREENED) -> int:
    """The tokens of the piece after the first `sent`: `first`, and then up to the next multiple of `interval`.

    After a first token alone come two. No later piece has fewer than 2, unless the `interval` itself is 1.
    """
    if sent == 0 or interval == 1:
        return min(first, interval)
    return min(SECOND, interval) if sent == 1 else max(_LEAST, interval - sent % interval)
