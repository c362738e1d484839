"""What can go wrong in `safety`, as one tree.

SafetyError
├── ModelRefused     a classifier's files are missing or are not those that were meant
├── TrainingRefused  there is nothing to train a classifier on
└── StreamEnded      text came for a stream that had ended
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
