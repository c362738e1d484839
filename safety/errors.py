"""What can go wrong in `safety`, as one tree.

SafetyError
├── StreamEnded      text came for a stream that had ended
├── BadPolicy        the policy cannot be used
├── ScorerFailed     the scorer gave no scores
├── ModelRefused     a classifier's files are missing or are not those that were meant
└── TrainingRefused  there is nothing to train a classifier on
"""

from __future__ import annotations


class SafetyError(Exception):
    """Root of the errors of this package."""


class ModelRefused(SafetyError):
    """A classifier's files are missing, or are not those that were meant."""


class TrainingRefused(SafetyError):
    """There is nothing, or something wrong, to train a classifier on or to measure it with."""


class StreamEnded(SafetyError):
    """Text came for a stream that had ended."""


class BadPolicy(SafetyError):
    """The policy cannot be used."""


class ScorerFailed(SafetyError):
    """The scorer gave no scores."""
