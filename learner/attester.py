"""Asks the engine, once it holds an adapter and before anybody meets it, whether it applies it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from analytics import Store
from learner.attestation import Attestation
from learner.errors import BadAdapter
from learner.gates.attestation import attested
from learner.gates.verdict import GateVerdict
from learner.registry import Registry
from learner.settings import LapSettings
from learner.tokens import Encoded

ATTESTED = "adapter.attest"  # the action in the audit
SERVED = "served by the engine"

Rate = Callable[[str, Sequence[Encoded]], Sequence[float]]
"""log p of each token of the rows' completions by what is served under a name, in nats, one row after the other."""


class Attester:
    """Holds what `rate` says against what the trainer swore to, and records it on the audit log."""

    def __init__(self, store: Store, registry: Registry, settings: LapSettings, rate: Rate) -> None:
        self._store, self._registry, self._settings, self._rate = store, registry, settings, rate

    def attest(self, adapter: str, *, sworn: bool) -> None:
        """Raise BadAdapter unless the engine serves the adapter as it was trained.

        One that was trained without an attestation is let pass unless it must be `sworn`, which is for what an operator
        promotes by name. What is served as the base needs none. Raises UnknownAdapter, and whatever the engine raises.
        """
        folder = self._registry.folder(adapter)
        if folder is None:
            return
        attestation = Attestation.read(folder)
        if attestation is None:
            if sworn:
                raise BadAdapter(
                    f"The gate attestation stops {adapter}: its trainer wrote none, so nobody can tell whether it is "
                    "applied; a lap makes one that has it."
                )
            return
        arm = self._registry.arm(adapter)
        if attestation.weights_sha256 != arm.weights_sha256:
            raise BadAdapter(f"The gate attestation stops {adapter}: its attestation is of other weights.")
        verdict = self._verdict(attestation, arm.served_name)
        told = {"adapter": adapter, **verdict.to_values()}
        self._store.append(self._store.audit(ATTESTED, "learner", told))
        if not verdict.passed:
            raise BadAdapter(f"The gate attestation stops {adapter}: {verdict.reason}")

    def _verdict(self, attestation: Attestation, served_name: str) -> GateVerdict:
        return attested(attestation, self._rate(served_name, attestation.rows), self._settings, SERVED)
