"""A screen whose filters can be exchanged while it is used."""

from __future__ import annotations

from collections.abc import Sequence

from safety.filter import Context
from safety.screen import Screen, Screening
from safety.stream import StreamScreen
from safety.watched import Watched


class LiveScreen(Screen):
    """Asks whichever screen it was given last. A stream that has begun keeps the one that it began with."""

    def __init__(self, screen: Screen) -> None:
        self._now = screen

    def swap(self, screen: Screen) -> None:
        """Ask `screen` from now on. The threads of the one before end with the last stream that uses them."""
        self._now = screen

    @property
    def installed(self) -> Sequence[Watched]:
        """The filters in their order."""
        return self._now.installed

    async def check(self, text: str, context: Context) -> Screening:
        """Show `text` to every filter until one blocks; shadows see it in any case."""
        return await self._now.check(text, context)

    def check_in_thread(self, text: str, context: Context) -> Screening:
        """`check` for a thread that has no event loop. Raises RuntimeError in one that runs a loop."""
        return self._now.check_in_thread(text, context)

    def stream(self, context: Context) -> StreamScreen:
        """A screen for an answer that arrives in pieces."""
        return self._now.stream(context)

    def close(self) -> None:
        """Let go of the threads."""
        self._now.close()
