"""What every route needs: the services, the caller, and errors in one shape."""

from __future__ import annotations

import logging
from typing import Annotated, cast

from fastapi import Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from analytics import AnalyticsError
from chatbot.accounts import PERSON_COOKIE, Caller, cookie_header
from chatbot.errors import (
    AlreadyClaimed,
    BadRequest,
    ChatbotError,
    EngineBusy,
    EngineDown,
    EngineRefused,
    NotAllowed,
    NotYours,
    UnknownPath,
    UnknownResponse,
)
from chatbot.services import Services
from learner import LearnerError, UnknownAdapter, UnknownRun

_STATUS: dict[type[Exception], tuple[int, str]] = {
    BadRequest: (400, "invalid_request_error"),
    EngineRefused: (400, "invalid_request_error"),
    NotAllowed: (403, "permission_error"),
    NotYours: (403, "permission_error"),
    UnknownResponse: (404, "not_found_error"),
    UnknownPath: (404, "not_found_error"),
    UnknownRun: (404, "not_found_error"),
    UnknownAdapter: (404, "not_found_error"),
    AlreadyClaimed: (409, "conflict_error"),
    LearnerError: (409, "conflict_error"),
    EngineBusy: (503, "overloaded_error"),
    EngineDown: (503, "unavailable_error"),
    AnalyticsError: (503, "unavailable_error"),
    ChatbotError: (500, "server_error"),
}
OURS = (ChatbotError, LearnerError, AnalyticsError)  # errors whose message is for whoever asked, here and on the pages
log = logging.getLogger(__name__)


def services_of(request: Request) -> Services:
    """The services of the running server."""
    return cast("Services", request.app.state.services)


def caller_of(request: Request, response: Response, user: str | None = None) -> Caller:
    """Who is calling, for themselves or for `user`; a newcomer gets a cookie. Raises NotAllowed."""
    caller = identify(request, user)
    set_person(response, caller)
    return caller


def identify(request: Request, user: str | None = None) -> Caller:
    """Who is calling, without touching the response."""
    return services_of(request).accounts.caller(
        host=request.client.host if request.client else None,
        authorization=request.headers.get("authorization"),
        cookies=request.cookies,
        user=user,
    )


def set_person(response: Response, caller: Caller) -> None:
    """Give a newcomer their cookie."""
    if caller.fresh_cookie is not None:
        response.headers.append("set-cookie", cookie_header(PERSON_COOKIE, caller.fresh_cookie))


def _caller(request: Request, response: Response) -> Caller:
    return caller_of(request, response)


ServicesOf = Annotated[Services, Depends(services_of)]
CallerOf = Annotated[Caller, Depends(_caller)]


def error_body(error: Exception) -> tuple[int, dict[str, object]]:
    """Status and body of an error, in OpenAI's shape."""
    status, kind = next((told for known, told in _STATUS.items() if isinstance(error, known)), (500, "server_error"))
    return status, {"error": {"message": str(error), "type": kind, "code": status}}


def told(error: Exception) -> Exception:
    """What a caller may hear of `error`: what nobody foresaw goes to the log, and is replaced."""
    if isinstance(error, OURS):
        return error
    log.error("Something broke.", exc_info=error)
    return ChatbotError("Something broke; the server's log says what.")


def answer_errors(app: FastAPI) -> None:
    """Have the app answer every error in one shape."""

    def ours(request: Request, error: Exception) -> JSONResponse:
        status, body = error_body(error)
        return JSONResponse(body, status)

    def invalid(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"][1:]) or "the body"
        return JSONResponse(error_body(BadRequest(f"{place}: {first['msg']}"))[1], 400)

    def refused(request: Request, error: Exception) -> JSONResponse:
        # From the framework itself, as for a body that is not UTF-8.
        assert isinstance(error, HTTPException)
        kind = dict(_STATUS.values()).get(error.status_code, "invalid_request_error")
        body = {"error": {"message": error.detail, "type": kind, "code": error.status_code}}
        return JSONResponse(body, error.status_code, error.headers)

    def broken(request: Request, error: Exception) -> JSONResponse:
        return JSONResponse(error_body(told(error))[1], 500)

    for kind in OURS:
        app.add_exception_handler(kind, ours)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, refused)
    app.add_exception_handler(Exception, broken)
