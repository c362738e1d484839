"""The HTTP API: one file per noun. `routers` gathers them."""

from chatbot.api import (
    accounts,
    chat,
    conversations,
    datasets,
    feedback,
    health,
    implicit,
    imports,
    leaderboard,
    moderations,
    operate,
    quarantine,
    receipts,
    reviews,
    safety,
    side_by_sides,
)  # fmt: skip

routers = (
    health.router, chat.router, moderations.router, feedback.router, reviews.router, quarantine.router, safety.router,
    operate.router, datasets.router, imports.router, conversations.router, receipts.router, implicit.router,
    accounts.router, side_by_sides.router, leaderboard.router,
)  # fmt: skip

__all__ = ["routers"]
