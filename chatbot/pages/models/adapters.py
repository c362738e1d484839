"""Every adapter that was made for the model that is served, what became of it, and the promotion card of one."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any

import gradio as gr

from chatbot.pages.look import QUIET
from chatbot.pages.models.card import card
from chatbot.services import Services
from learner import UnknownAdapter

REFRESH_SECONDS = 5.0
TONES: Mapping[str, str] = {"champion": "rt-good", "rejected": "rt-bad", "revoked": "rt-bad"}


def tab(blocks: gr.Blocks, services: Services) -> None:
    """Build the tab."""
    shown = gr.HTML(elem_id="rt-adapters")
    with gr.Column(visible=False, elem_classes="rt-card") as chosen:
        pick = gr.Dropdown([], label="Promotion card of", elem_id="rt-adapter", filterable=False)
        found = gr.HTML(elem_id="rt-promotion-card")

    def refresh(adapter: str | None) -> tuple[str, Any, Any, str]:
        rows = services.operator.adapters()
        names = [str(one["adapter"]) for one in rows]
        adapter = adapter if adapter in names else next(iter(names), None)
        return table(rows), gr.Column(visible=bool(rows)), gr.Dropdown(names, value=adapter), _card(services, adapter)

    parts = [shown, chosen, pick, found]
    blocks.load(refresh, [pick], parts, **QUIET)
    gr.Timer(REFRESH_SECONDS).tick(refresh, [pick], parts, **QUIET)
    pick.input(lambda adapter: _card(services, adapter), [pick], [found], **QUIET)


def _card(services: Services, adapter: str | None) -> str:
    if adapter is None:
        return ""
    try:
        return card(services.operator.card(adapter))
    except UnknownAdapter as error:
        return f"<p class='rt-bad'>{html.escape(str(error))}</p>"


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
