"""Every adapter that was made for the model that is served, and what became of it."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any

import gradio as gr

from chatbot.pages.look import QUIET
from chatbot.services import Services

REFRESH_SECONDS = 5.0
TONES: Mapping[str, str] = {"champion": "rt-good", "rejected": "rt-bad", "revoked": "rt-bad"}


def tab(blocks: gr.Blocks, services: Services) -> None:
    """Build the tab."""
    shown = gr.HTML(elem_id="rt-adapters")

    def refresh() -> str:
        return table(services.learner.registry.adapters())

    blocks.load(refresh, None, [shown], **QUIET)
    gr.Timer(REFRESH_SECONDS).tick(refresh, None, [shown], **QUIET)


def table(adapters: Sequence[Mapping[str, Any]]) -> str:
    """The adapters, the one that changed last on top."""
    if not adapters:
        return "<div class='rt-card'><p class='rt-soft'>No adapter yet. A lap makes one of what people said.</p></div>"
    rows = "".join(
        f"<tr><td>{html.escape(one['adapter'])}</td>"
        f"<td class='{TONES.get(one['state'], 'rt-soft')}'>{one['state']}</td>"
        f"<td class='rt-text'>{html.escape(one['reason'])}</td><td class='rt-soft'>{one['at']:%Y-%m-%d %H:%M}</td></tr>"
        for one in adapters
    )
    head = "<tr><th>adapter</th><th>state</th><th>why</th><th>since</th></tr>"
    return f"<div class='rt-card'><table class='rt-table'>{head}{rows}</table></div>"
