"""What can go wrong in `analytics`, as one tree. Each message is one sentence that a person can act on.

AnalyticsError
├── StoreLocked      another process holds the store
├── StoreBroken      the store cannot be read, or its audit chain does not hold
├── StoreClosed      the store was closed before the call
└── NotStored        an event could not be written; nothing of its call was
"""

from __future__ import annotations


class AnalyticsError(Exception):
    """Root of the errors of this package."""


class StoreLocked(AnalyticsError):
    """Another process holds the store."""


class StoreBroken(AnalyticsError):
    """The store cannot be read, or its audit chain does not hold."""


class StoreClosed(AnalyticsError):
    """The store was closed before the call."""


class NotStored(AnalyticsError):
    """An event could not be written; nothing of its call was."""
