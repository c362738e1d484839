"""The labels, in the order in which the model keeps them."""

from __future__ import annotations

DETOXIFY_LABELS = (
    "toxicity",
    "severe_toxicity",
    "obscene",
    "threat",
    "insult",
    "identity_attack",
    "sexual_explicit",
)
"""The labels of Detoxify's `unbiased` model."""

HARM_LABELS = ("self_harm", "violence", "illicit", "sexual_minors", "jailbreak")
"""Harm that Detoxify has no label for.

self_harm      a person speaks of harming themselves, or asks how
violence       harming people, threats, weapons
illicit        crime, fraud, hacking, drugs, stalking, malware
sexual_minors  sexual content with minors
jailbreak      trying to make an assistant drop its rules, show its system prompt, or play somebody without rules
"""

LABELS = DETOXIFY_LABELS + HARM_LABELS
