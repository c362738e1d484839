"""One browser tab's conversation, as the server knows it. Ids of turns never travel to the browser."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from chatbot.both_arms import Pair

History = list[dict[str, Any]]
PAIR = "*Two answers to this stand below. Which one is better?*"
THUMBS: Mapping[int, str] = {1: "Like", -1: "Dislike"}


@dataclass(frozen=True)
class Wish:
    """What is to be answered next: `text`, by an answer at `place`, where `before` was the answer if there was one."""

    text: str
    place: int
    before: str | None = None


@dataclass
class Talk:
    """`turns` and `votes` go by the place of an answer; questions and answers alternate, so answers have odd places.

    `wish` waits to be granted, `answering` is the one that is under way; only one can be. `about` is the turn that was
    rated last, `earlier` the one that waits for a comparison with the answer that took its place, `blocked` the one
    that a filter stopped. `offered` says why the last answer should be compared with another, where it should. `pair`
    are two answers that stand side by side, of which one goes into the chat; `unchosen` are its place and the answer
    that goes there where nobody chose. A `temporary` one is in no list, and is gone when the page is loaded again.
    """

    conversation_id: str | None = None
    turns: dict[int, str] = field(default_factory=dict)
    votes: dict[int, int] = field(default_factory=dict)
    wish: Wish | None = None
    answering: Wish | None = None
    about: str | None = None
    earlier: str | None = None
    blocked: str | None = None
    offered: str | None = None
    pair: Pair | None = None
    unchosen: tuple[int, str] | None = None
    temporary: bool = False

    def ask(self, text: str, place: int) -> bool:
        """Wish for an answer at `place`; a wish for nothing, or in the middle of another answer, is not taken."""
        if self.answering is not None or not text.strip():
            return False
        self.wish = self.answering = Wish(text.strip(), place, self.turns.get(place))
        self.earlier = self.blocked = self.offered = None
        if self.pair is not None:
            self.unchosen, self.pair = (max(self.turns), self.pair.own.text), None
        for known in (self.turns, self.votes):
            for at in [at for at in known if at >= place]:
                del known[at]
        return True

    def settled(self, history: History) -> History:
        """The history with an answer in the place of a pair that nobody chose from."""
        if self.unchosen is None or self.unchosen[0] >= len(history):
            return history
        (place, text), self.unchosen = self.unchosen, None
        return [*history[:place], message("assistant", text), *history[place + 1 :]]

    @property
    def latest(self) -> str | None:
        """The turn of the last answer."""
        return self.turns[max(self.turns)] if self.turns else None

    def thumbs(self) -> list[str | None]:
        """The thumb of every answer, in the form that Gradio shows."""
        return [THUMBS.get(self.votes.get(place, 0)) for place in range(1, max(self.votes, default=0) + 1, 2)]


@dataclass
class Tab:
    """What Gradio keeps for a browser tab: always the same object, into which a new conversation is put.

    A state that a handler returns would be dropped an hour later, once the tab's connection has broken a single time.
    An answer that is still under way keeps the `Talk` it began with.
    """

    talk: Talk = field(default_factory=Talk)


def message(role: str, content: str) -> dict[str, Any]:
    """A message as Gradio's chat takes it."""
    return {"role": role, "content": content}
