"""What can go wrong in `chatbot`, as one tree.

ChatbotError
├── UserError              a person can fix it: printed without a traceback, with what to do
│   ├── BadSetting         a setting that nobody knows, or a value that cannot be used
│   ├── PortTaken          the web server's port is in use
│   ├── HomeTaken          another process works in the home
│   ├── NoServer           a command needs the running server and there is none
│   └── ModelUnusable      the model cannot be found, or the engine cannot serve it
├── EngineError
│   ├── EngineDown         the engine does not answer
│   ├── EngineBusy         the engine's queue is full
│   └── EngineRefused      the engine refused the request, with its reason
│       └── ContextTooLong the messages do not fit into the model's context
├── NotScreened            a text that the filters could not look at just now
├── UnknownResponse        no turn of that id
├── UnknownModel           no model of that name is served
├── UnknownKey             a key or a sign-in that is not known here, or no longer
├── UnknownAccount         no account of that id or name
├── UnknownPerson          nobody is known by that name or id
├── UnknownKeyId           no API key of that id
├── UnknownPath            the API has no such path, or not with that method
├── NotYours               the turn belongs to somebody else
├── NotAllowed             the role of the caller does not suffice
├── NotSignedIn            nobody is known to be calling, and somebody must be
├── NameTaken              another account has that name
├── ProviderDown           the OIDC provider does not answer, or cannot be used
├── LastAdmin              nobody could manage the accounts any more
├── BadRequest             a request that cannot be served, with the reason
├── TooLarge               the body of a request is larger than what is taken
├── TooMany                a budget or a number of tries is used up; says when to try again
├── AlreadyClaimed         another reviewer holds the turn
├── UnknownConversation    no conversation of that id, or it is somebody else's, or deleted
├── UnknownShare           no share of that id, or it is not open any more
├── UnknownProposal        no proposal of that id
├── NotOpen                the proposal was decided already, or the policy has changed since
├── UnknownReceipt         no receipt of that number, or it is somebody else's
└── IdempotencyConflict    an idempotency key that was used for something else
"""

from __future__ import annotations

import math


class ChatbotError(Exception):
    """Root of the errors of this package."""


class UserError(ChatbotError):
    """Something that the person at the keyboard can fix."""


class BadSetting(UserError):
    """A setting that nobody knows, or a value that cannot be used."""

    def __init__(self, name: str, told: str) -> None:
        super().__init__(f"The setting {name!r} {told}.")


class PortTaken(UserError):
    """The web server's port is in use by another program."""


class HomeTaken(UserError):
    """Another process works in the home: a server, or a command while none runs."""


class NoServer(UserError):
    """A command needs the running server and there is none."""


class ModelUnusable(UserError):
    """The model cannot be found, or the engine cannot serve it."""


class EngineError(ChatbotError):
    """The engine could not do what was asked."""


class EngineDown(EngineError):
    """The engine does not answer."""


class NotScreened(ChatbotError):
    """A text that the filters could not look at just now, and which is therefore not kept."""


class EngineBusy(EngineError):
    """The engine's queue is full."""


class EngineRefused(EngineError):
    """The engine refused the request; the message holds its reason."""


class ContextTooLong(EngineRefused):
    """The messages do not fit into the model's context."""


class UnknownResponse(ChatbotError):
    """No turn of that id."""


class UnknownModel(ChatbotError):
    """No model of that name is served."""


class UnknownKey(ChatbotError):
    """A key or a sign-in that is not known here, or no longer."""


class UnknownAccount(ChatbotError):
    """No account of that id or name."""


class UnknownKeyId(ChatbotError):
    """No API key of that id."""


class UnknownPath(ChatbotError):
    """The API has no such path, or not with that method."""


class NotYours(ChatbotError):
    """The turn belongs to somebody else."""


class NotAllowed(ChatbotError):
    """The role of the caller does not suffice."""


class NotSignedIn(ChatbotError):
    """Nobody is known to be calling, and somebody must be."""


class NameTaken(ChatbotError):
    """Another account has that name."""


class ProviderDown(ChatbotError):
    """The OIDC provider does not answer, or cannot be used."""


class LastAdmin(ChatbotError):
    """Nobody could manage the accounts any more."""


class BadRequest(ChatbotError):
    """A request that cannot be served, with the reason."""


class TooLarge(ChatbotError):
    """The body of a request is larger than what is taken."""


class TooMany(ChatbotError):
    """A budget or a number of tries is used up; `retry_after` is in whole seconds."""

    def __init__(self, told: str, retry_after: float) -> None:
        super().__init__(told)
        self.retry_after = math.ceil(retry_after)


class AlreadyClaimed(ChatbotError):
    """Another reviewer holds the turn."""


class UnknownConversation(ChatbotError):
    """No conversation of that id, or it is somebody else's, or deleted."""


class UnknownShare(ChatbotError):
    """No share of that id, or it is not open any more."""


class UnknownPerson(ChatbotError):
    """Nobody is known by that name or id."""


class UnknownReceipt(ChatbotError):
    """No receipt of that number, or it is somebody else's."""


class UnknownProposal(ChatbotError):
    """No proposal of that id."""


class UnknownSideBySide(ChatbotError):
    """No set or item of that id, or it is not shown any more."""


class NotOpen(ChatbotError):
    """The proposal was decided already, or the policy has changed since."""


class IdempotencyConflict(ChatbotError):
    """An idempotency key that was used for something else."""
