"""Is the challenger no worse on the suites that the operator named, overall and on every slice of them?"""

from __future__ import annotations

from learner.gates.asked import Compared
from learner.gates.verdict import Evidence, GateVerdict, failed, skipped
from learner.settings import LapSettings

NAME = "suites"


def suites(evidence: Evidence, settings: LapSettings) -> GateVerdict:
    """Pass when every suite passes: it is shown to be non-inferior as a whole, and no slice is shown to be worse.

    Each has the margin, the metric and the unit of its own `suite.toml`; the verdict's figures are those of the suite
    that came nearest to its margin, or went furthest beyond.
    """
    asked = evidence.asked.suites
    if not settings.gate_suites:
        return skipped(NAME, 0.0, "gate_suites names no suite, so the gate is off.")
    sides = evidence.champion.suites, evidence.challenger.suites
    if not asked or any(suite.name not in side for suite in asked for side in sides):
        return failed(NAME, 0.0, "Not every suite that gate_suites names was asked, so nobody knows how they went.")
    found = {suite.name: suite.compare(*(side[suite.name] for side in sides)) for suite in asked}
    worst = min(found.values(), key=lambda one: (one.passed, _room(one)))
    stopped = [name for name, one in found.items() if not one.passed]
    told = " ".join(f"{name}: {found[name].reason}" for name in stopped or found)
    known = worst.low is not None and worst.champion is not None
    return GateVerdict(
        gate=NAME,
        passed=not stopped,
        measured=worst.challenger,
        against=worst.champion,
        margin=worst.margin,
        reason=told,
        detail={name: one.detail for name, one in found.items()},
        bound=(worst.champion or 0.0) + (worst.low or 0.0) if known else None,
        limit=None if worst.champion is None else worst.champion - worst.margin,
    )


def _room(one: Compared) -> float:
    """How far the lower bound is from the margin, in the suite's unit."""
    return float("-inf") if one.low is None else one.low + one.margin
