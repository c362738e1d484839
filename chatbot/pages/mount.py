"""Puts the pages on the web application."""

from __future__ import annotations

import os

import gradio as gr
from fastapi import FastAPI

from chatbot.pages import (
    account,
    chat,
    erase_me,
    models,
    operate,
    people,
    provider,
    reference,
    review,
    safety,
    shared,
    sign_in,
)
from chatbot.pages.access import Access
from chatbot.pages.forms import refuse_forged
from chatbot.pages.look import CSS, LOGO, script, theme
from chatbot.services import Services

MOST_STREAMS = 200
LONGEST_QUEUE = 1000
QUEUE_SECONDS, PROGRESS_SECONDS = 0.02, 0.2


def mount(app: FastAPI, services: Services) -> FastAPI:
    """Mount the chat last: it is at the root and would swallow the others."""
    mount_plain(app, services)
    # Gradio would put its last 10,000 events into a table after every single one, for a page that is not served here.
    os.environ.setdefault("GRADIO_ANALYTICS_CACHE_FREQUENCY", str(10**9))
    app.include_router(shared.router)
    for path, blocks, head in (
        ("/review", review.page(services), script("keys.js") + script("side_by_side.js")),
        ("/safety", safety.page(services), ""),
        ("/models", models.page(services), ""),
        ("/operate", operate.page(services), ""),
        ("/", chat.page(services), script("follow.js")),
    ):
        # Gradio runs at most this many streams at a time, and one per event unless told otherwise.
        blocks.max_threads = MOST_STREAMS
        blocks.queue(default_concurrency_limit=None, max_size=LONGEST_QUEUE, api_open=False)
        # Each page's queue would look for clicks a thousand times a second and for progress a hundred times.
        blocks._queue.sleep_when_free = QUEUE_SECONDS
        blocks._queue.progress_update_sleep_when_free = PROGRESS_SECONDS
        _mount(app, blocks, path, head)
    return app


def mount_plain(app: FastAPI, services: Services) -> FastAPI:
    """Add the pages that Gradio does not make, and the guard before all of them."""
    for plain in (sign_in, provider, people, account, erase_me, reference):
        app.include_router(plain.router)
    refuse_forged(app)
    app.add_middleware(Access, accounts=services.accounts)
    return app


def _mount(app: FastAPI, blocks: gr.Blocks, path: str, head: str) -> None:
    gr.mount_gradio_app(
        app,
        blocks,
        path=path,
        theme=theme(),
        css=CSS,
        head=head,
        favicon_path=str(LOGO) if path == "/" else None,
        footer_links=[],
        run_history=False,
        enable_monitoring=False,
        show_error=False,
        ssr_mode=False,
        pwa=False,
        max_file_size="1kb",  # no page takes files
    )
