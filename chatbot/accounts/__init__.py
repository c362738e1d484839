"""Who somebody is and what they may do: accounts, sessions, API keys, one-time links, guests."""

from chatbot.accounts.accounts import COMMAND_LINE, Accounts
from chatbot.accounts.api_keys import DAYS
from chatbot.accounts.caller import Caller
from chatbot.accounts.cookies import (
    FORM_COOKIE,
    OIDC_COOKIE,
    PERSON_COOKIE,
    SESSION_COOKIE,
    cookie_header,
    cookie_of,
)
from chatbot.accounts.home_keys import write_private
from chatbot.accounts.oidc import Provider
from chatbot.accounts.roster import Roster

__all__ = [
    "COMMAND_LINE",
    "DAYS",
    "FORM_COOKIE",
    "OIDC_COOKIE",
    "PERSON_COOKIE",
    "SESSION_COOKIE",
    "Accounts",
    "Caller",
    "Provider",
    "Roster",
    "cookie_header",
    "cookie_of",
    "write_private",
]
