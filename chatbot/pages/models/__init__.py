"""The models page: what adapters there are and how good each of them is. One file per tab."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import gradio as gr

from chatbot.pages.look import bar
from chatbot.pages.models import adapters, drift, evaluations, leaderboard
from chatbot.services import Services

# A tab is a function that builds its part of the page in the Blocks that are open.
TABS: Mapping[str, Callable[[gr.Blocks, Services], None]] = {
    "Adapters": adapters.tab,
    "Leaderboard": leaderboard.tab,
    "Evaluations": evaluations.tab,
    "Drift": drift.tab,
}


def page(services: Services) -> gr.Blocks:
    """Build the page."""
    with gr.Blocks(title="Ratchet: models") as blocks:
        bar(blocks, services.accounts, "Models")
        with gr.Column(elem_classes="rt-wide"), gr.Tabs():
            for name, build in TABS.items():
                with gr.Tab(name, elem_id=f"rt-tab-{name.lower()}"):
                    build(blocks, services)
    return blocks
