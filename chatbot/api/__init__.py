"""The HTTP API: one file per noun. `routers` gathers them."""

from chatbot.api import chat, feedback, health, operate, reviews, unknown

# The last takes what the others left over.
routers = (health.router, chat.router, feedback.router, reviews.router, operate.router, unknown.router)

__all__ = ["routers"]
