"""What may pass: filters and the screen, on whole texts and on streams."""

from safety.errors import (
    AuditFailed,
    BadFacts,
    BadPolicy,
    BadSuite,
    GuardFailed,
    SafetyError,
    ScorerFailed,
    StreamEnded,
)
from safety.filter import Context, Filter, PatternFilter, Scorer, Setup
from safety.live import LiveScreen
from safety.messages import HELP, Told, told
from safety.policy import Policy
from safety.sample import chance, drawn
from safety.screen import Screen, Screening, default_screen
from safety.stream import StreamScreen
from safety.verdict import CONCERNS, Decision, Span, Verdict

__all__ = [
    "CONCERNS",
    "HELP",
    "AuditFailed",
    "BadFacts",
    "BadPolicy",
    "BadSuite",
    "Context",
    "Decision",
    "Filter",
    "GuardFailed",
    "LiveScreen",
    "PatternFilter",
    "Policy",
    "SafetyError",
    "Scorer",
    "ScorerFailed",
    "Screen",
    "Screening",
    "Setup",
    "Span",
    "StreamEnded",
    "StreamScreen",
    "Told",
    "Verdict",
    "chance",
    "default_screen",
    "drawn",
    "told",
]
