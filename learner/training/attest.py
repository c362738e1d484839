"""The trainer's attestation: how likely the model in memory finds some fixed texts, with its adapter and without."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from learner.adapter import weights_sha256
from learner.attestation import Attestation
from learner.tokens import Encoded, encode

if TYPE_CHECKING:
    from learner.training.policy import Policy

TEXTS = Path(__file__).with_name("attest.toml")
AT_ONCE = 8  # rows; a real model's logits of all of them would be gigabytes


def attest(policy: Policy, weights: Path) -> Attestation:
    """What `policy` makes of the texts, in the arithmetic of its weights, which were saved in the folder `weights`."""
    rows = texts(policy.tokenizer)
    products, policy.products = policy.products, None  # what is served is compared, and not what trains fast
    try:
        with torch.inference_mode():
            base, adapter = (_logps(policy, rows, reference) for reference in (True, False))
    finally:
        policy.products = products
    return Attestation(weights_sha256(weights), tuple(rows), tuple(base), tuple(adapter))


def texts(tokenizer: Any) -> list[Encoded]:  # noqa: ANN401
    """The texts as rows, the same for every adapter of a model. None of them is anybody's."""
    told = tomllib.loads(TEXTS.read_text(encoding="utf-8"))["text"]
    return [encode(tokenizer, [{"role": "user", "content": one["asked"]}], one["answer"]) for one in told]


def _logps(policy: Policy, rows: Sequence[Encoded], reference: bool) -> list[float]:
    found: list[float] = []
    for begin in range(0, len(rows), AT_ONCE):
        part = policy.logps(rows[begin : begin + AT_ONCE], reference=reference)
        for values, mask in zip(part.values.double().cpu(), part.mask.bool().cpu(), strict=True):
            found += values[mask].tolist()
    return found
