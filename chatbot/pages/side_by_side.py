"""Side by side: two answers to one question, of which a reviewer says which is better, by keyboard, blind."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, cast

import gradio as gr

from analytics.events_side_by_side import Choice
from chatbot.api.common import OURS
from chatbot.pages.access import person_of
from chatbot.pages.look import QUIET
from chatbot.services import Services

REFRESH_SECONDS = 10.0
# What a button says, what it keeps, and its key.
BUTTONS: tuple[tuple[str, Choice, str], ...] = (
    ("A is better", "a", "a"),
    ("B is better", "b", "b"),
    ("No difference", "tie", "t"),
    ("Both are bad", "both-bad", "x"),
)
EMPTY = (
    "<div class='rt-card'><h3>Nothing waits</h3><p class='rt-soft'>An operator has two adapters answer the same "
    "questions with <code>./ratchet side-by-side start</code>. They come here, and you are not told whose is whose."
    "</p></div>"
)


class SideBySideTab:
    """The tab's handlers."""

    def __init__(self, services: Services) -> None:
        self._kept = services.side_by_sides
        self._person_of = partial(person_of, services.accounts)

    def show(self, shown_id: str, request: gr.Request) -> tuple[Any, ...]:
        """The pair that waits, the room for a choice, and whose it is; nothing moves while a pair is being read."""
        waiting, items = self._kept.waiting(self._person_of(request), 1)
        if not items:
            return EMPTY, gr.update(visible=False), ""
        if items[0]["item_id"] == shown_id:
            return gr.skip(), gr.skip(), gr.skip()
        return pair(items[0], waiting), gr.update(visible=True), items[0]["item_id"]

    def decides(self, choice: Choice) -> Callable[[str, gr.Request], tuple[Any, ...]]:
        """Keeps `choice` about the pair that is shown, and goes on to the next."""

        def decide(shown_id: str, request: gr.Request) -> tuple[Any, ...]:
            try:
                self._kept.decide(shown_id, self._person_of(request), choice)
                told = ""
            except OURS as error:
                told = f"<p class='rt-bad'>{html.escape(str(error))}</p>"
            return told, *self.show("", request)

        return decide


def tab(blocks: gr.Blocks, services: Services) -> None:
    """Build the tab."""
    handlers = SideBySideTab(services)
    shown = gr.Textbox(visible=False)
    talk = gr.HTML(EMPTY, elem_id="rt-pair")
    with gr.Row(visible=False, elem_classes="rt-actions", elem_id="rt-choices") as room:
        buttons = [
            (gr.Button(name, elem_id=f"rt-choose-{choice}", variant="primary" if choice in ("a", "b") else "secondary"),
             choice)
            for name, choice, _ in BUTTONS
        ]  # fmt: skip
    told = gr.HTML(elem_id="rt-pair-told")
    gr.HTML(keys())
    blocks.load(handlers.show, [shown], [talk, room, shown], **QUIET)
    gr.Timer(REFRESH_SECONDS).tick(handlers.show, [shown], [talk, room, shown], **QUIET)
    for button, choice in buttons:
        # A second press before the next pair is there would decide it unseen.
        button.click(handlers.decides(choice), [shown], [told, talk, room, shown], trigger_mode="once", **QUIET)


def pair(item: Mapping[str, Any], waiting: int) -> str:
    """The conversation up to the question, and the two answers beside each other."""
    messages = cast("list[dict[str, Any]]", item["messages"])
    said = "".join(
        f"<div class='rt-said rt-{'user' if one['role'] == 'user' else 'bot'}'>{html.escape(str(one['content']))}</div>"
        for one in messages
        if one["role"] != "system"
    )
    sides = "".join(
        f"<div class='rt-side'><b>{name}</b><div>{html.escape(item[key])}</div></div>"
        for name, key in (("A", "answer_a"), ("B", "answer_b"))
    )
    left = f"<p class='rt-soft'>{waiting:,} wait for you. Which answer is better? You are not told whose they are.</p>"
    return f"<div class='rt-card rt-talk rt-compared'>{left}{said}<div class='rt-sides'>{sides}</div></div>"


def keys() -> str:
    """What the keyboard does."""
    told = "".join(f"<span><kbd>{key}</kbd>{html.escape(name.lower())}</span>" for name, _, key in BUTTONS)
    return f"<div class='rt-keys'>{told}</div>"
