"""The HTTP API: one file per noun. `routers` gathers them."""

from chatbot.api import chat, feedback, health, operate, reviews

routers = (health.router, chat.router, feedback.router, reviews.router, operate.router)

__all__ = ["routers"]
