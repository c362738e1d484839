"""What can go wrong in `safety`, as one tree.

SafetyError
└── StreamEnded   text came for a stream that had ended
"""

from __future__ import annotations


class SafetyError(Exception):
    """Root of the errors of this package."""


class StreamEnded(SafetyError):
    """Text came for a stream that had ended."""
