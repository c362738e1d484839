"""Which people teach a model, which judge it, and which are kept apart for the gates."""

from __future__ import annotations

from hashlib import blake2b
from typing import Literal

Group = Literal["learn", "decide", "holdout"]

SHARES = (60, 30, 10)


def share_of(text: str, salt: str) -> float:
    """A number in [0, 1), the same for ever for the same `text` and `salt`, and independent between salts."""
    key = salt.encode()
    if len(key) > blake2b.MAX_KEY_SIZE:  # a long salt differs from the next one at its end, so it must not be cut
        key = blake2b(key).digest()
    digest = blake2b(text.encode(), digest_size=8, key=key).digest()
    # 53 bits are what a float holds exactly; all 64 could round up to 1.
    return (int.from_bytes(digest, "big") >> 11) / float(1 << 53)


def person_group(person: str, shares: tuple[int, int, int] = SHARES) -> Group:
    """The group of `person`, fixed by a hash of the id; `shares` are the percentages of learn, decide and holdout."""
    point = 100 * share_of(person, "person-group")
    if point < shares[0]:
        return "learn"
    return "decide" if point < shares[0] + shares[1] else "holdout"
