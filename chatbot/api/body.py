"""How large the body of a request may be."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chatbot.api.common import error_response
from chatbot.errors import TooLarge


class BodyLimit:
    """Answers 413 to a body of more than `most` bytes, whether its length is told beforehand or only found out."""

    def __init__(self, app: ASGIApp, most: int) -> None:
        self._app, self._most = app, most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        length = Headers(scope=scope).get("content-length", "0")
        if length.isdecimal() and int(length) > self._most:
            await error_response(TooLarge(self._told()))(scope, receive, send)
            return
        came = 0

        async def counted() -> Message:
            nonlocal came
            message = await receive()
            came += len(message.get("body", b""))
            if came > self._most:
                raise HTTPException(413, self._told())  # what else is raised while it reads, the framework makes a 400
            return message

        await self._app(scope, counted, send)

    def _told(self) -> str:
        return f"The body of a request may have {self._most // 1024} KiB at most."
