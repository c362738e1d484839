"""What can go wrong in `safety`, as one tree.

SafetyError
├── StreamEnded    text came for a stream that had ended
├── BadPolicy      the policy cannot be used
├── BadFacts       what an answer is checked against cannot be read
├── GuardFailed    the guard model gave no answer that can be used
└── ScorerFailed   the scorer gave no scores
"""

from __future__ import annotations


class SafetyError(Exception):
    """Root of the errors of this package."""


class StreamEnded(SafetyError):
    """Text came for a stream that had ended."""


class BadPolicy(SafetyError):
    """The policy cannot be used."""


class ScorerFailed(SafetyError):
    """The scorer gave no scores."""


class BadFacts(SafetyError):
    """What an answer is checked against cannot be read."""


class GuardFailed(SafetyError):
    """The guard model gave no answer that can be used."""
