"""`./ratchet up`: start the engine, the web server and the learner."""

from __future__ import annotations

from chatbot.cli.options import with_settings
from chatbot.settings import Settings


@with_settings()
def up(settings: Settings) -> None:
    """Start chatting: vLLM, the web server and the learner, and print where to click."""
    from chatbot.server import serve

    serve(settings)
