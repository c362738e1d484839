"""The HTTP API: one file per noun. `routers` gathers them."""

from chatbot.api import (
    accounts,
    chat,
    conversations,
    datasets,
    evaluations,
    feedback,
    health,
    implicit,
    imports,
    moderations,
    operate,
    quarantine,
    receipts,
    reviews,
    safety,
)  # fmt: skip

routers = (
    health.router, chat.router, moderations.router, feedback.router, reviews.router, quarantine.router, safety.router,
    operate.router, datasets.router, imports.router, evaluations.router, conversations.router, receipts.router,
    implicit.router, accounts.router,
)  # fmt: skip

__all__ = ["routers"]
