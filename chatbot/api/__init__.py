"""The HTTP API: one file per noun. `routers` gathers them."""

from chatbot.api import accounts, chat, feedback, health, moderations, operate, reviews

routers = (
    health.router, chat.router, moderations.router, feedback.router, reviews.router, operate.router, accounts.router,
)  # fmt: skip

__all__ = ["routers"]
