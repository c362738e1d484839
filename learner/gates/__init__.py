"""What an adapter must pass before a single person meets it. One file per gate; none of them knows any style.

The gates are arithmetic on an `Evidence`; `measure.py` gathers it and is the only file here that imports torch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from learner.gates import (
    attestation,
    bias,
    canaries,
    drift,
    preference,
    right_answers,
    safety,
    suites,
    sycophancy,
    verbosity,
)
from learner.gates.asked import Asked
from learner.gates.questions import check_questions
from learner.gates.verdict import Evidence, Gate, GateVerdict, Measurement, failed
from learner.settings import LapSettings

GATES: tuple[tuple[str, Gate], ...] = (
    (preference.NAME, preference.preference),
    (right_answers.NAME, right_answers.right_answers),
    (suites.NAME, suites.suites),
    (canaries.NAME, canaries.canaries),
    (sycophancy.NAME, sycophancy.sycophancy),
    (safety.NAME, safety.safety),
    (verbosity.NAME, verbosity.verbosity),
    (drift.NAME, drift.drift),
    (bias.NAME, bias.bias),
    (attestation.NAME, attestation.attestation),
)


def run_gates(
    gather: Callable[[], Evidence], settings: LapSettings, gates: Sequence[tuple[str, Gate]] = GATES
) -> list[GateVerdict]:
    """Pass the evidence through every gate. A gate that raises has failed, and without evidence all have."""
    try:
        evidence = gather()
    except Exception as error:
        return [failed(name, 0.0, f"Could not measure: {_told(error)}") for name, _ in gates]
    return [_one(name, gate, evidence, settings) for name, gate in gates]


def _one(name: str, gate: Gate, evidence: Evidence, settings: LapSettings) -> GateVerdict:
    try:
        return gate(evidence, settings)
    except Exception as error:
        return failed(name, 0.0, f"Could not judge: {_told(error)}")


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


__all__ = ["GATES", "Asked", "Evidence", "Gate", "GateVerdict", "Measurement", "check_questions", "failed", "run_gates"]
