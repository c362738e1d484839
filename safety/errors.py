"""What can go wrong in `safety`, as one tree.

SafetyError
├── StreamEnded   text came for a stream that had ended
├── BadSuite      the groups or templates of an audit cannot be used
└── AuditFailed   an audit could not be made: what was to be asked did not answer
"""

from __future__ import annotations


class SafetyError(Exception):
    """Root of the errors of this package."""


class StreamEnded(SafetyError):
    """Text came for a stream that had ended."""


class BadSuite(SafetyError):
    """The groups or templates of an audit cannot be used."""


class AuditFailed(SafetyError):
    """An audit could not be made: what was to be asked did not answer."""
