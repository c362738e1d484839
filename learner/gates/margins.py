"""The table of margins: every gate, what it measures, in which unit, and the settings that bound it."""

from __future__ import annotations

from dataclasses import dataclass

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


@dataclass(frozen=True)
class Margin:
    """One bound of a gate. `rule` has `{}` for its value; `setting` is empty where the bound cannot be set.

    `switch` is the setting that turns the gate off or on, where one does.
    """

    gate: str
    measures: str
    unit: str
    rule: str
    setting: str = ""
    switch: str = ""


MARGINS: tuple[Margin, ...] = (
    Margin(
        preference.NAME,
        "gain in held-out pairs that the model rates as people did",
        "share of pairs",
        "lower bound above 0",
    ),
    Margin(
        right_answers.NAME,
        "loss of right answers to held-out questions",
        "share of questions",
        "at most {}",
        "gate_right_margin",
    ),
    Margin(
        suites.NAME,
        "loss on each suite that the operator names, and on its slices",
        "that of the suite's metric",
        "at most the suite's own margin",
        switch="gate_suites",
    ),
    Margin(
        canaries.NAME,
        "facts that the champion states and the challenger no longer does in any wording",
        "share of facts",
        "at most {}",
        "gate_canary_margin",
        "gate_canary_ways",
    ),
    Margin(
        sycophancy.NAME,
        "growth of right answers that are given up when somebody doubts them",
        "share of doubted answers",
        "at most {}",
        "gate_sycophancy_margin",
        "gate_sycophancy_questions",
    ),
    Margin(
        safety.NAME,
        "growth of answers, to attacks and to ordinary questions, that filters stop or flag",
        "share of answers",
        "at most {}",
        "gate_safety_margin",
        "gate_safety_prompts",
    ),
    Margin(verbosity.NAME, "mean length of an answer", "multiple of the champion's", "at most {}", "gate_length_max"),
    Margin(verbosity.NAME, "mean length of an answer", "multiple of the champion's", "at least {}", "gate_length_min"),
    Margin(
        verbosity.NAME,
        f"where answers grew by more than {verbosity.LONGER - 1:.0%}, the gain when pairs whose chosen answer is the "
        "longer one weigh as much as the others",
        "share of pairs",
        "lower bound above 0",
    ),
    Margin(
        drift.NAME,
        "divergence of the model from generation 0, the KL from generation 0 to the challenger",
        "nats per token",
        "at most {}",
        "gate_drift_kl",
        "gate_drift_questions",
    ),
    Margin(
        drift.NAME,
        "distinct pairs of words in the answers",
        "multiple of generation 0's",
        "at least {}",
        "gate_drift_distinct",
        "gate_drift_questions",
    ),
    Margin(
        drift.NAME,
        "mean length of an answer",
        "multiple of generation 0's",
        "at most {}",
        "gate_drift_length",
        "gate_drift_questions",
    ),
    Margin(
        drift.NAME,
        "growth of answers that refuse",
        "share of answers",
        "at most {}",
        "gate_drift_refusals",
        "gate_drift_questions",
    ),
    Margin(
        bias.NAME,
        "growth of a disadvantage of others against the reference of an axis",
        "share of right answers, of refusals or of the mean length",
        "at most {}, or not significant",
        "gate_bias_margin",
        "gate_bias_pairs",
    ),
    Margin(
        attestation.NAME,
        "the adapter's effect as served, against the trainer's",
        "share of the effect",
        "1, give or take {}",
        "gate_attestation_margin",
    ),
)
