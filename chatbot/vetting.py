"""Texts of files before they may be imitated: what the policy in force would block as an answer is not imported."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from chatbot.errors import UserError
from chatbot.screening import policy_in_force
from chatbot.settings import Settings
from safety import BadPolicy, Context, Decision, Screen, Screening
from safety.local import local_scorer

# They hold an answer against its own conversation or against this shop, which a text of a file has nothing to do with.
_NOT_ASKED = ("facts", "leak")
_AS_ANSWER = Context("output")


class Vetting:
    """Asks the filters about many texts, one after the other, with the bundled classifier in this process."""

    def __init__(self, settings: Settings) -> None:
        policy = policy_in_force(settings)
        entries = tuple(entry for entry in policy.entries if entry.use not in _NOT_ASKED and not entry.shadow)
        try:
            self._screen = Screen.from_policy(replace(policy, entries=entries), local_scorer())
        except BadPolicy as error:
            raise UserError(f"The policy cannot be used: {error}") from None

    def __call__(self, texts: Sequence[str]) -> list[str | None]:
        """For each text why it is not taken, None for one that may be shown."""
        return [_why(found) for found in asyncio.run(self._all(texts))]

    async def _all(self, texts: Sequence[str]) -> list[Screening]:
        return [await self._screen.check(text, _AS_ANSWER) for text in texts]

    def close(self) -> None:
        """Let go of the threads."""
        self._screen.close()


def _why(found: Screening) -> str | None:
    if found.decision is not Decision.BLOCK or found.decisive is None:
        return None
    return f"a filter blocks the good answer: {found.decisive.category or 'it could not be looked at'}"
