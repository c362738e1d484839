"""What happened: the store, its schema and migrations, queries, export, the audit chain."""

from analytics import queries
from analytics.errors import AnalyticsError, NotStored, StoreBroken, StoreClosed, StoreLocked
from analytics.events import (
    Account,
    Adapter,
    ApiKey,
    Audit,
    Consent,
    Conversation,
    Event,
    Experiment,
    Feedback,
    Flag,
    Implicit,
    Link,
    Reply,
    Review,
    Routing,
    Run,
    Session,
    Turn,
)
from analytics.store import Store

__all__ = [
    "Account",
    "Adapter",
    "AnalyticsError",
    "ApiKey",
    "Audit",
    "Consent",
    "Conversation",
    "Event",
    "Experiment",
    "Feedback",
    "Flag",
    "Implicit",
    "Link",
    "NotStored",
    "Reply",
    "Review",
    "Routing",
    "Run",
    "Session",
    "Store",
    "StoreBroken",
    "StoreClosed",
    "StoreLocked",
    "Turn",
    "queries",
]
