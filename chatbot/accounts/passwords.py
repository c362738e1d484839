"""Passwords: kept as argon2id hashes with the parameters of RFC 9106, and checked in the same time for every name."""

from __future__ import annotations

import threading
import unicodedata
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from chatbot.errors import BadRequest

SHORTEST, LONGEST = 10, 1000  # characters
_HASHER = PasswordHasher()  # 64 MiB, three passes
_PLACES = threading.BoundedSemaphore(2)  # each needs that memory: many at once would take it from the engine


def hashed(password: str) -> str:
    """The hash to keep. Raises BadRequest for a password that is too short or too long."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise BadRequest(f"A password needs {SHORTEST} to {LONGEST} characters; this one has {len(password)}.")
    with _PLACES:
        return _HASHER.hash(_normal(password))


def fits(password: str, kept: str | None) -> bool:
    """Whether it is the password. Without one it takes as long, and is never right."""
    nobodys = _nobodys()
    with _PLACES:
        try:
            return _HASHER.verify(kept or nobodys, _normal(password[: LONGEST + 1])) and kept is not None
        except (VerificationError, InvalidHashError):
            return False


def is_outdated(kept: str) -> bool:
    """Whether the hash was made with other parameters than today's."""
    return _HASHER.check_needs_rehash(kept)


@cache
def _nobodys() -> str:
    return _HASHER.hash("nobody's password")


def _normal(password: str) -> bytes:
    # The same letters are typed in different ways on different keyboards.
    return unicodedata.normalize("NFKC", password).encode("utf-8", "replace")
