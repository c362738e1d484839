"""What may pass: filters and the screen, on whole texts and on streams."""

from safety.errors import AuditFailed, BadSuite, SafetyError, StreamEnded
from safety.screen import BLOCKED_INPUT, BLOCKED_OUTPUT, Screen, Screening, default_screen
from safety.stream import StreamScreen
from safety.verdict import Context, Decision, Filter, Finding, Verdict

__all__ = [
    "BLOCKED_INPUT",
    "BLOCKED_OUTPUT",
    "AuditFailed",
    "BadSuite",
    "Context",
    "Decision",
    "Filter",
    "Finding",
    "SafetyError",
    "Screen",
    "Screening",
    "StreamEnded",
    "StreamScreen",
    "Verdict",
    "default_screen",
]
