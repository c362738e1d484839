"""The HTTP API: one file per noun. `routers` gathers them."""

from chatbot.api import (
    accounts,
    audit,
    chat,
    conversations,
    datasets,
    drift,
    erasures,
    evaluations,
    experiments,
    feedback,
    health,
    implicit,
    imports,
    leaderboard,
    moderations,
    operate,
    promotion,
    quarantine,
    receipts,
    reviews,
    safety,
    side_by_sides,
)  # fmt: skip

routers = (
    health.router, chat.router, moderations.router, feedback.router, reviews.router, quarantine.router, safety.router,
    operate.router, experiments.router, promotion.router, datasets.router, imports.router, evaluations.router,
    conversations.router, receipts.router, implicit.router, accounts.router, audit.router, drift.router,
    erasures.router, side_by_sides.router, leaderboard.router,
)  # fmt: skip

__all__ = ["routers"]
