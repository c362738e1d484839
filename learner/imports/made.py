"""What a row of a file becomes: an example, or the reason why it is left."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Literal

from analytics import Example
from learner.imports.messages import Messages, Unfit
from learner.pair import Source

LONGEST = 100_000  # characters of a text or of a prompt


@dataclass(frozen=True)
class Left:
    """A row, or a part of one, that is not taken."""

    reason: str


@dataclass(frozen=True)
class Made:
    """A pair, in which `text` is preferred to `rejected`, or a rating of `text` where there is no `rejected`.

    `rater` is whoever the file names, None where it names nobody.
    """

    prompt: Messages
    text: str
    rejected: str | None = None
    good: bool = True
    source: Source = "import"
    rater: str | None = None
    weight: float = 1.0
    kind: Literal["pair", "rating"] = field(init=False, default="pair")

    def __post_init__(self) -> None:
        object.__setattr__(self, "kind", "rating" if self.rejected is None else "pair")

    def check(self) -> None:
        """Raise Unfit for what nothing can be learned from."""
        if not self.prompt or self.prompt[-1]["role"] != "user":
            raise Unfit("the prompt does not end with a user's message")
        if not self.text.strip() or (self.rejected is not None and not self.rejected.strip()):
            raise Unfit("an answer is empty")
        if self.rejected is not None and self.text.strip() == self.rejected.strip():
            raise Unfit("both answers are the same")
        if max(len(self.text), len(self.rejected or ""), *(len(one["content"]) for one in self.prompt)) > LONGEST:
            raise Unfit(f"a text is longer than {LONGEST} characters")

    def example(self, format: str, import_id: str) -> Example:
        """As an event. Whoever is named is a person of that format's; else the prompt stands for one.

        So the firewall, which keeps people apart, keeps prompts apart, and no question is learned and asked.
        """
        prompt = json.dumps(self.prompt, sort_keys=True)
        who = f"{format} {self.rater}" if self.rater else f"prompt {prompt}"
        person = f"import:{_digest(who, 12)}"
        content = [self.kind, prompt, self.text, self.rejected, self.good, self.source, person]
        return Example(
            example_id=_digest(json.dumps(content), 16),
            import_id=import_id,
            person=person,
            source=self.source,
            kind=self.kind,
            prompt=self.prompt,
            text=self.text,
            rejected=self.rejected,
            good=self.good,
            weight=self.weight,
        )


Parts = Sequence[Made | Left]


def _digest(text: str, size: int) -> str:
    return blake2b(text.encode("utf-8", "replace"), digest_size=size).hexdigest()
