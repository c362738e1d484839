"""What a filter is, and what it is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

from safety.rules import Rules
from safety.verdict import Verdict

Role = Literal["input", "output"]
Scores = Mapping[str, float]


@dataclass(frozen=True)
class Context:
    """Where a text comes from: a person's `input` or the model's `output`.

    For an output, `prompt` is the message that it answers and `system` the system prompt that the model was given.
    `earlier` is what the filters before have said about the same text. `view` is empty for a text as it came, and says
    how it was hidden for one that was decoded first, see `safety.views`.
    """

    role: Role
    person: str = ""
    conversation_id: str = ""
    prompt: str = ""
    system: str = ""
    earlier: tuple[Verdict, ...] = ()
    view: str = ""


@runtime_checkable
class Filter(Protocol):
    """Looks at a text; it may raise, which the screen takes as a failure.

    Of a stream it is shown windows: what is new, after some of what came before. `check` is called in a thread, unless
    there is a coroutine `check_async` of the same parameters, or the filter is `quick`: then it takes well under a
    millisecond, and a thread would only add to it. One with `rules` is only asked for roles that they name.
    One that is `informed` is told by `earlier` what the filters of patterns say of a window as well. One that `decodes`
    is also asked about what a text says in a code, in pieces or unseen; of a stream it finds that in windows.
    """

    id: str
    version: str

    def check(self, text: str, context: Context) -> Verdict:
        """Look at `text`, which is normalised; spans are places in it."""
        ...


@runtime_checkable
class PatternFilter(Filter, Protocol):
    """Is shown a stream with every piece, and holds back no more than what may belong to a match."""

    quick: bool

    def undecided(self, text: str, context: Context) -> int:
        """Where what this filter cannot decide yet begins, if `text` goes on; its length when all is decided.

        As a text grows this never moves back, and what it would find later never begins before it.
        """
        ...


class Scorer(Protocol):
    """Gives texts scores in [0, 1] by label. `model` is what it is asked of: `bundled`, or `detoxify`."""

    def scores(self, model: str, texts: Sequence[str]) -> Sequence[Scores]:
        """Score each text; blocks until it is done."""
        ...

    async def scores_async(self, model: str, texts: Sequence[str]) -> Sequence[Scores]:
        """Score each text, on the event loop."""
        ...

    def version(self, model: str) -> str:
        """Names the weights that answer for `model`."""
        ...


@dataclass(frozen=True)
class Setup:
    """What a filter is built with: its name in the policy, its rules, its own options, and who scores for it."""

    name: str
    rules: Rules
    options: Mapping[str, Any] = field(default_factory=dict)
    scorer: Scorer | None = None
