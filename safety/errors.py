"""What can go wrong in `safety`, as one tree.

SafetyError
├── StreamEnded        text came for a stream that had ended
├── BadPolicy          the policy cannot be used
├── ScorerFailed       the scorer gave no scores
├── ModelRefused       a classifier's files are missing or are not those that were meant
├── TrainingRefused    there is nothing to train a classifier on
├── BadFacts           what an answer is checked against cannot be read
├── GuardFailed        the guard model gave no answer that can be used
├── BadSuite           the groups or templates of an audit cannot be used
├── AuditFailed        an audit could not be made: what was to be asked did not answer
├── NotInstalled       a tool cannot be installed into an environment of its own
└── RedTeamError       the red team cannot go on; says why and what to do
    ├── NotAllowedThere    a server on another machine, without the word that it may be attacked
    └── GarakMissing       garak cannot be installed or run
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


class ModelRefused(SafetyError):
    """A classifier's files are missing, or are not those that were meant."""


class TrainingRefused(SafetyError):
    """There is nothing, or something wrong, to train a classifier on or to measure it with."""


class BadFacts(SafetyError):
    """What an answer is checked against cannot be read."""


class GuardFailed(SafetyError):
    """The guard model gave no answer that can be used."""


class BadSuite(SafetyError):
    """The groups or templates of an audit cannot be used."""


class AuditFailed(SafetyError):
    """An audit could not be made: what was to be asked did not answer."""


class NotInstalled(SafetyError):
    """A tool cannot be installed into an environment of its own."""


class RedTeamError(SafetyError):
    """The red team cannot go on; the message says why and what to do."""


class NotAllowedThere(RedTeamError):
    """A server on another machine, without the word that it may be attacked."""


class GarakMissing(RedTeamError):
    """Garak cannot be installed or run."""
