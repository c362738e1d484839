"""`./ratchet demo`: simulated people take the whole loop through one lap."""

from __future__ import annotations

import os
import sys

import typer

PASS_THROUGH = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


def demo(context: typer.Context) -> None:
    """Watch the loop: simulated people chat, rate and rewrite; the learner trains; the experiment decides."""
    # A process of its own: nothing of the product may import what knows the people's hidden taste.
    os.execv(sys.executable, [sys.executable, "-m", "learner.simulate", *context.args])  # noqa: S606
