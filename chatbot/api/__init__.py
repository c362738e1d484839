"""The HTTP API: one file per noun. `routers` gathers them."""

from chatbot.api import accounts, chat, feedback, health, operate, reviews

routers = (health.router, chat.router, feedback.router, reviews.router, operate.router, accounts.router)

__all__ = ["routers"]
