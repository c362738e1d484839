"""What every route needs: the services, the caller, and errors in one shape."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, NamedTuple, cast

from fastapi import Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from analytics import AnalyticsError
from analytics.columns import whole
from chatbot.accounts import PERSON_COOKIE, Caller, cookie_header
from chatbot.errors import (
    AlreadyClaimed,
    BadRequest,
    ChatbotError,
    ContextTooLong,
    EngineBusy,
    EngineDown,
    EngineRefused,
    IdempotencyConflict,
    LastAdmin,
    NameTaken,
    NotAllowed,
    NotOpen,
    NotScreened,
    NotSignedIn,
    NotYours,
    ProviderDown,
    TooLarge,
    TooMany,
    UnknownAccount,
    UnknownConversation,
    UnknownKey,
    UnknownKeyId,
    UnknownModel,
    UnknownPath,
    UnknownPerson,
    UnknownProposal,
    UnknownReceipt,
    UnknownResponse,
    UnknownShare,
    UnknownSideBySide,
)
from chatbot.limits import Budget, Limits
from chatbot.permissions import ANYBODY, API
from chatbot.services import Services
from learner import (
    BadImport,
    LearnerError,
    NoSignal,
    NotApproved,
    Revoked,
    UnknownAdapter,
    UnknownAlarm,
    UnknownDataset,
    UnknownDrill,
    UnknownGroup,
    UnknownImport,
    UnknownRun,
)


class Answer(NamedTuple):
    """How an error is answered: `kind` and `code` are OpenAI's `type` and `code`, and do not change."""

    status: int
    kind: str
    code: str


_ANSWERS: Mapping[type[Exception], Answer] = {
    BadRequest: Answer(400, "invalid_request_error", "invalid_request"),
    ContextTooLong: Answer(400, "invalid_request_error", "context_length_exceeded"),
    EngineRefused: Answer(400, "invalid_request_error", "refused_by_engine"),
    UnknownKey: Answer(401, "authentication_error", "invalid_api_key"),
    NotSignedIn: Answer(401, "authentication_error", "not_signed_in"),
    NotAllowed: Answer(403, "permission_error", "not_allowed"),
    NotYours: Answer(403, "permission_error", "not_yours"),
    UnknownResponse: Answer(404, "not_found_error", "unknown_response"),
    UnknownModel: Answer(404, "not_found_error", "model_not_found"),
    UnknownAccount: Answer(404, "not_found_error", "unknown_account"),
    UnknownKeyId: Answer(404, "not_found_error", "unknown_key"),
    UnknownPath: Answer(404, "not_found_error", "unknown_path"),
    UnknownPerson: Answer(404, "not_found_error", "unknown_person"),
    UnknownRun: Answer(404, "not_found_error", "unknown_run"),
    UnknownAdapter: Answer(404, "not_found_error", "model_not_found"),
    UnknownDataset: Answer(404, "not_found_error", "unknown_dataset"),
    UnknownImport: Answer(404, "not_found_error", "unknown_import"),
    BadImport: Answer(409, "conflict_error", "bad_import"),
    UnknownAlarm: Answer(404, "not_found_error", "unknown_alarm"),
    UnknownGroup: Answer(404, "not_found_error", "unknown_group"),
    UnknownConversation: Answer(404, "not_found_error", "unknown_conversation"),
    UnknownShare: Answer(404, "not_found_error", "unknown_share"),
    UnknownDrill: Answer(404, "not_found_error", "unknown_drill"),
    NoSignal: Answer(409, "conflict_error", "no_signal"),
    NotApproved: Answer(409, "conflict_error", "not_approved"),
    Revoked: Answer(409, "conflict_error", "revoked"),
    UnknownProposal: Answer(404, "not_found_error", "unknown_proposal"),
    UnknownSideBySide: Answer(404, "not_found_error", "unknown_side_by_side"),
    UnknownReceipt: Answer(404, "not_found_error", "unknown_receipt"),
    IdempotencyConflict: Answer(409, "conflict_error", "idempotency_conflict"),
    AlreadyClaimed: Answer(409, "conflict_error", "already_claimed"),
    NotOpen: Answer(409, "conflict_error", "not_open"),
    NameTaken: Answer(409, "conflict_error", "name_taken"),
    LastAdmin: Answer(409, "conflict_error", "last_admin"),
    LearnerError: Answer(409, "conflict_error", "not_now"),
    TooLarge: Answer(413, "invalid_request_error", "body_too_large"),
    TooMany: Answer(429, "rate_limit_error", "rate_limit_exceeded"),
    ProviderDown: Answer(503, "unavailable_error", "provider_down"),
    NotScreened: Answer(503, "unavailable_error", "screen_unavailable"),
    EngineBusy: Answer(503, "overloaded_error", "engine_busy"),
    EngineDown: Answer(503, "unavailable_error", "engine_down"),
    AnalyticsError: Answer(503, "unavailable_error", "store_unavailable"),
    ChatbotError: Answer(500, "server_error", "server_error"),
}
_BROKEN = _ANSWERS[ChatbotError]
_RETRY_SECONDS = 1  # told with every 503; a 429 has its own
OURS = (ChatbotError, LearnerError, AnalyticsError)  # errors whose message is for whoever asked, here and on the pages
log = logging.getLogger(__name__)


def services_of(request: Request) -> Services:
    """The services of the running server."""
    return cast("Services", request.app.state.services)


# What every request needs is async although it never waits: the framework runs everything else in a thread.


async def permit(request: Request) -> None:
    """Find out who is calling, and refuse what the table of permissions does not allow.

    Raises NotAllowed, NotSignedIn, UnknownKey.
    """
    route = f"{request.method} {request.scope['route'].path}"
    if route not in API:
        raise NotAllowed(f"{route} has no permissions, so nobody may use it.")
    if API[route] is not ANYBODY:
        request.state.caller = identify(request)
        request.state.caller.must(API[route])


def caller_of(request: Request, response: Response, user: str | None = None) -> Caller:
    """Who is calling, for themselves or for `user`; a newcomer gets a cookie. Raises UnknownKey."""
    caller = cast("Caller", request.state.caller) if user is None else identify(request, user)
    set_person(response, caller)
    return caller


def identify(request: Request, user: str | None = None) -> Caller:
    """Who is calling, without touching the response."""
    return services_of(request).accounts.caller(request, user)


@dataclass(frozen=True)
class Spending:
    """What a request may cost, and who pays for it."""

    limits: Limits
    payers: Sequence[tuple[str, Budget]]

    def admit(self) -> None:
        """Count a request. Raises TooMany."""
        for who, budget in self.payers:
            self.limits.admit(who, budget)

    def charge(self, tokens: int) -> None:
        """Count what was used."""
        for who, budget in self.payers:
            self.limits.charge(who, budget, tokens)


def budgets(services: Services, caller: Caller) -> Spending:
    """The person's budget, and that of the key where one was sent."""
    settings = services.settings
    person = Budget(settings.whole("requests_per_minute"), settings.whole("tokens_per_day"))
    return Spending(services.limits, [(f"budget of {caller.key_id}", caller.budget), (caller.person, person)])


def set_person(response: Response, caller: Caller) -> None:
    """Give a newcomer their cookie."""
    if caller.fresh_cookie is not None:
        response.headers.append("set-cookie", cookie_header(PERSON_COOKIE, caller.fresh_cookie))


async def _caller(request: Request, response: Response) -> Caller:
    return caller_of(request, response)


async def _asking(request: Request) -> Caller:
    return cast("Caller", request.state.caller)


async def _services(request: Request) -> Services:
    return services_of(request)


ServicesOf = Annotated[Services, Depends(_services)]
CallerOf = Annotated[Caller, Depends(_caller)]
Asking = Annotated[Caller, Depends(_asking)]  # for routes that make their own response, and put the cookie on it


def answer_to(error: Exception) -> Answer:
    """How `error` is answered."""
    return next((answer for known, answer in _ANSWERS.items() if isinstance(error, known)), _BROKEN)


def error_body(message: str, answer: Answer, param: str | None = None) -> dict[str, object]:
    """An error in OpenAI's shape; `param` is the field of the request that was wrong."""
    # What somebody sent may come back in it, and half of a surrogate pair cannot be sent.
    message, param = whole(message), None if param is None else whole(param)
    return {"error": {"message": message, "type": answer.kind, "param": param, "code": answer.code}}


def error_response(error: Exception, param: str | None = None) -> JSONResponse:
    """The error with its status, and when to try again where that helps."""
    answer = answer_to(error)
    wait = error.retry_after if isinstance(error, TooMany) else _RETRY_SECONDS if answer.status == 503 else 0
    headers = {"Retry-After": str(wait)} if wait else None
    return JSONResponse(error_body(str(error), answer, param), answer.status, headers)


def told(error: Exception) -> Exception:
    """What a caller may hear of `error`: what nobody foresaw goes to the log, and is replaced."""
    if isinstance(error, OURS):
        return error
    log.error("Something broke.", exc_info=error)
    return ChatbotError("Something broke; the server's log says what.")


def answer_errors(app: FastAPI) -> None:
    """Have the app answer every error in one shape."""

    def ours(request: Request, error: Exception) -> JSONResponse:
        services_of(request).metrics.refused(answer_to(error).code)
        return error_response(error)

    def invalid(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"][1:])
        return error_response(BadRequest(f"{place or 'the body'}: {first['msg']}"), place or None)

    def refused(request: Request, error: Exception) -> JSONResponse:
        # From the framework itself, as for a body that is not UTF-8.
        assert isinstance(error, HTTPException)
        codes = {404: "unknown_path", 405: "method_not_allowed", 413: "body_too_large"}
        code = codes.get(error.status_code, "invalid_request")
        answer = Answer(error.status_code, "invalid_request_error", code)
        return JSONResponse(error_body(str(error.detail), answer), error.status_code, error.headers)

    def broken(request: Request, error: Exception) -> JSONResponse:
        return error_response(told(error))

    for kind in OURS:
        app.add_exception_handler(kind, ours)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, refused)
    app.add_exception_handler(Exception, broken)
