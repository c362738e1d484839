"""The HTTP API: one file per noun. `routers` gathers them."""

from chatbot.api import chat, feedback, health, moderations, operate, reviews

routers = (health.router, chat.router, moderations.router, feedback.router, reviews.router, operate.router)

__all__ = ["routers"]
