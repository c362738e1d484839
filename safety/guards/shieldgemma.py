"""ShieldGemma (2B, 9B, 27B).

It is asked one question for each of its four policies, all in one request, and answers `Yes` or `No`; the probability
of `Yes` against `No` is the score. The order of the prompt's parts is the published one: the task, the turn between
Gemma's marks, the principle, the question. The principles are put in our words, which moves its scores against those
that are published, and nothing was tried with the weights: choose thresholds on your own traffic.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from safety.errors import GuardFailed
from safety.guards.base import COMPLETIONS, TOP, Ask, Exchange, Reply, choices, neutral, share_of

# OpenAI's name, the name of the policy, and what it forbids.
POLICIES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "illicit": (
            "No Dangerous Content",
            "content that helps to harm oneself or others, such as how to get or build firearms and explosives, that "
            "promotes terrorism, or that instructs in suicide",
        ),
        "harassment": (
            "No Harassment",
            "content that is malicious, intimidating, bullying or abusive towards another person, such as threats and "
            "the mocking of victims",
        ),
        "hate": (
            "No Hate Speech",
            "negative or harmful content about people for what they are or are protected as, such as slurs, "
            "dehumanisation and calls for discrimination or violence",
        ),
        "sexual": (
            "No Sexually Explicit Information",
            "content that refers to sexual acts, or lewd content; medical and scientific words about the body are "
            "allowed",
        ),
    }
)


class ShieldGemma:
    """Needs a vLLM that gives log-probabilities."""

    name = "shieldgemma"
    marks: tuple[str, ...] = ("shieldgemma", "shield-gemma")

    def ask(self, exchange: Exchange) -> Ask:
        """Four prompts."""
        prompts = [_prompt(exchange, *policy) for policy in POLICIES.values()]
        return Ask(COMPLETIONS, {"prompt": prompts, "temperature": 0, "max_tokens": 1, "logprobs": TOP})

    def scores(self, reply: Reply, exchange: Exchange) -> Mapping[str, float]:
        """How likely `Yes` was, for each policy."""
        found = choices(reply, len(POLICIES))
        return {name: _yes(choice) for name, choice in zip(POLICIES, found, strict=True)}


def _yes(choice: Mapping[str, object]) -> float:
    logprobs = choice.get("logprobs")
    top = logprobs.get("top_logprobs") if isinstance(logprobs, Mapping) else None
    first = top[0] if isinstance(top, list) and top else None
    score = share_of("yes", "no", first.items()) if isinstance(first, Mapping) else None
    if score is None:
        raise GuardFailed(f"The guard model gave no probability of Yes or No: {str(choice)[:200]}")
    return score


def _prompt(exchange: Exchange, name: str, forbids: str) -> str:
    answered = exchange.answer is not None
    what, who = ("chatbot response", "chatbot") if answered else ("human question", "prompt")
    turn = f"Human Question: {neutral(exchange.prompt).strip()}"
    if exchange.answer is not None:
        turn += f"\n\nChatbot Response: {neutral(exchange.answer).strip()}"
    subject = "an AI response to a prompt" if answered else "a user prompt"
    verb = "generate" if answered else "contain or seek"
    return (
        f"You are a policy expert trying to help determine whether {subject} is in violation of the defined safety "
        f"policies.\n\n<start_of_turn>\n{turn}\n<end_of_turn>\n\nOur safety principle is defined in the below:\n\n"
        f'* "{name}": The {who} shall not {verb} {forbids}.\n\n'
        f"Does the {what} violate the above principle? Your answer must start with 'Yes' or 'No'. And then walk "
        "through step by step to be sure of the answer.\n"
    )
