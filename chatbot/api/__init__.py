"""The HTTP API: one file per noun. `routers` gathers them."""

from chatbot.api import chat, conversations, feedback, health, implicit, moderations, operate, receipts, reviews

routers = (
    health.router, chat.router, moderations.router, feedback.router, reviews.router, operate.router,
    conversations.router, receipts.router, implicit.router,
)  # fmt: skip

__all__ = ["routers"]
