"""What a guard model is asked, and the forms in which the answer comes back."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from safety.errors import GuardFailed

Reply = Mapping[str, Any]
CHAT, COMPLETIONS = "/v1/chat/completions", "/v1/completions"
TOP = 10  # log-probabilities of a token that are asked for; vLLM gives 20 at most unless told otherwise
# What a tokenizer would take for the end of a turn: `<|eot_id|>`, `<end_of_turn>`.
_CONTROL = re.compile(r"<(?=\|)|<(?=/?[A-Za-z_]+>)|(?<=\|)>")


@dataclass(frozen=True)
class Exchange:
    """What is judged: an answer in the light of its prompt, or a prompt alone where `answer` is None."""

    prompt: str
    answer: str | None = None


@dataclass(frozen=True)
class Ask:
    """A request: where it is posted and its body, without the model's name."""

    path: str
    body: Mapping[str, Any]


class Family(Protocol):
    """Guard models that are asked alike. `marks` are parts of the names that such models have."""

    name: str
    marks: tuple[str, ...]

    def ask(self, exchange: Exchange) -> Ask:
        """The request that has an exchange judged."""
        ...

    def scores(self, reply: Reply, exchange: Exchange) -> Mapping[str, float]:
        """How likely each category is, in [0, 1]; OpenAI's names where one fits. Raises GuardFailed."""
        ...


def turns(exchange: Exchange) -> list[dict[str, str]]:
    """The exchange as a conversation, for models whose own template builds the prompt."""
    said = [{"role": "user", "content": neutral(exchange.prompt)}]
    return said if exchange.answer is None else [*said, {"role": "assistant", "content": neutral(exchange.answer)}]


def neutral(text: str) -> str:
    """The text so that nothing in it is read as a control token, by which it could end its turn and judge itself."""
    return _CONTROL.sub(lambda match: match[0] + " " if match[0] == "<" else " " + match[0], text)


def choices(reply: Reply, count: int = 1) -> list[Mapping[str, Any]]:
    """The choices of a completion in their order. Raises GuardFailed where there are not as many."""
    found = reply.get("choices")
    if not isinstance(found, list) or len(found) != count or not all(isinstance(one, Mapping) for one in found):
        raise GuardFailed(f"The guard model sent no completion: {str(reply)[:200]}")
    return sorted(found, key=lambda choice: int(choice.get("index", 0)))


def said(reply: Reply) -> str:
    """The text of a chat's only choice. Raises GuardFailed."""
    message = choices(reply)[0].get("message")
    content = message.get("content") if isinstance(message, Mapping) else None
    if not isinstance(content, str) or not content.strip():
        raise GuardFailed("The guard model sent an empty answer.")
    return content.strip()


def share_of(yes: str, no: str, logprobs: Iterable[tuple[object, object]]) -> float | None:
    """How likely one of two words is against the other, by log-probabilities of tokens; None if neither is there."""
    mass = {yes: 0.0, no: 0.0}
    for token, logprob in logprobs:
        word = str(token).strip().lower()
        if word in mass and isinstance(logprob, int | float):
            mass[word] += math.exp(min(0.0, float(logprob)))
    total = mass[yes] + mass[no]
    return mass[yes] / total if total > 0 else None


def unreadable(text: str, family: str) -> GuardFailed:
    """The error for an answer that is not in the family's form."""
    return GuardFailed(f"The guard model's answer is not what {family} models say: {text[:200]!r}")
