"""What happened: the store, its schema and migrations, queries, export, the audit chain."""

from analytics import drift, experiments, queries, rollouts
from analytics.errors import AnalyticsError, NotStored, StoreBroken, StoreClosed, StoreLocked
from analytics.events import (
    Adapter,
    Audit,
    Consent,
    Conversation,
    Event,
    Example,
    Experiment,
    Feedback,
    Flag,
    Implicit,
    Import,
    Judgement,
    Proposal,
    Quarantine,
    Reply,
    Review,
    Routing,
    Run,
    Turn,
)
from analytics.events_accounts import Account, ApiKey, Link, Session
from analytics.events_drift import DriftAlarm, DriftWindow
from analytics.events_erasure import Erasure, PersonName
from analytics.events_evaluation import Evaluation
from analytics.events_experiments import ArmComparison, SegmentChampion
from analytics.events_promotion import Approval, Drill, Rollout
from analytics.events_side_by_side import Preference, SideBySide
from analytics.store import Store

__all__ = [
    "Account",
    "Adapter",
    "AnalyticsError",
    "ApiKey",
    "Approval",
    "ArmComparison",
    "Audit",
    "Consent",
    "Conversation",
    "DriftAlarm",
    "DriftWindow",
    "Drill",
    "Erasure",
    "Evaluation",
    "Event",
    "Example",
    "Experiment",
    "Feedback",
    "Flag",
    "Implicit",
    "Import",
    "Judgement",
    "Link",
    "NotStored",
    "PersonName",
    "Preference",
    "Proposal",
    "Quarantine",
    "Reply",
    "Review",
    "Rollout",
    "Routing",
    "Run",
    "SegmentChampion",
    "Session",
    "SideBySide",
    "Store",
    "StoreBroken",
    "StoreClosed",
    "StoreLocked",
    "Turn",
    "drift",
    "experiments",
    "queries",
    "rollouts",
]
