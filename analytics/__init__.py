"""What happened: the store, its schema and migrations, queries, export, the audit chain."""

from analytics import queries
from analytics.errors import AnalyticsError, NotStored, StoreBroken, StoreClosed, StoreLocked
from analytics.events import (
    Adapter,
    Audit,
    Consent,
    Conversation,
    Event,
    Experiment,
    Feedback,
    Flag,
    Implicit,
    Reply,
    Review,
    Routing,
    Run,
    Turn,
)
from analytics.store import Store

__all__ = [
    "Adapter",
    "AnalyticsError",
    "Audit",
    "Consent",
    "Conversation",
    "Event",
    "Experiment",
    "Feedback",
    "Flag",
    "Implicit",
    "NotStored",
    "Reply",
    "Review",
    "Routing",
    "Run",
    "Store",
    "StoreBroken",
    "StoreClosed",
    "StoreLocked",
    "Turn",
    "queries",
]
