"""`./ratchet attack`: simulated people try to poison what is learned, with the defences and without them."""

from __future__ import annotations

import os
import sys

import typer


def attack(context: typer.Context) -> None:
    """Attack what is learned: coordinated votes, or a planted fact, with the defences and without them."""
    # A process of its own, for the same reason as the demo.
    os.execv(sys.executable, [sys.executable, "-m", "learner.simulate.attacks", *context.args])  # noqa: S606
