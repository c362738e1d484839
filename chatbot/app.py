"""The web application: the API, and the pages on top of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from fastapi import Depends, FastAPI

from chatbot.api import routers, unknown
from chatbot.api.body import BodyLimit
from chatbot.api.common import answer_errors, permit
from chatbot.api.problems import problems
from chatbot.services import Services

Mount = Callable[[FastAPI, Services], FastAPI]


def create_app(services: Services, mount: Mount | None = None) -> FastAPI:
    """Build the app around `services`; `mount` adds the pages."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        services.scorer.start()
        await services.engine.start()
        services.learner.start()
        services.merging.start()
        try:
            yield
        finally:
            services.learner.close()
            await services.merging.close()
            await services.engine.close()
            services.screen.close()
            await asyncio.to_thread(services.scorer.close)
            services.tracing.close()
            services.store.close()

    app = FastAPI(title="Ratchet", lifespan=lifespan, docs_url=None, redoc_url=None)
    app.state.services = services
    answer_errors(app)
    for router in routers:
        app.include_router(router, dependencies=[Depends(permit)], responses=problems(400))
    app.include_router(unknown.router)
    app.add_middleware(BodyLimit, most=1024 * services.settings.whole("body_kib"))
    return mount(app, services) if mount else app
