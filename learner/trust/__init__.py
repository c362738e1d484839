"""Nothing is learned from poison: the steps that feedback passes before it may teach or judge, one per file."""

from learner.trust.anchor import anchored, approval
from learner.trust.claims import newly_named
from learner.trust.dictated import dictates
from learner.trust.quarantine import Held, decide, hold_events, quarantined
from learner.trust.record import Record, last_event, read_record
from learner.trust.rewrites import told
from learner.trust.step import Hold, Outcome, Report, Row
from learner.trust.steps import CAPS, STEPS, Named, through

__all__ = [
    "CAPS",
    "STEPS",
    "Held",
    "Hold",
    "Named",
    "Outcome",
    "Record",
    "Report",
    "Row",
    "anchored",
    "approval",
    "decide",
    "dictates",
    "hold_events",
    "last_event",
    "newly_named",
    "quarantined",
    "read_record",
    "through",
    "told",
]
