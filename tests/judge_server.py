"""What a model that judges by a rubric says, over the server of `guard_server`: honest, biased, noisy or babbling."""

import random
from collections.abc import Callable
from math import log

Pick = Callable[[str, str], str]  # answers A and B to a letter


def warmer(a: str, b: str) -> str:
    """The honest one: friendly words win."""
    warmth = [text.count("!") + text.count("glad") for text in (a, b)]
    return "C" if warmth[0] == warmth[1] else "AB"[warmth[1] > warmth[0]]


def noisy(seed: int) -> Pick:
    rng = random.Random(seed)
    return lambda a, b: rng.choice("AB")


def shown(body: dict) -> tuple[str, str]:
    """Answers A and B of a request."""
    user = body["messages"][-1]["content"]
    a = user.partition("==== ANSWER A ====\n")[2].partition("\n==== ANSWER B ====")[0]
    return a, user.partition("==== ANSWER B ====\n")[2].partition("\n==== END ====")[0]


def saying(pick: Pick, sure: float | None = None) -> Callable[[dict], dict]:
    """Replies of `pick`; with `sure`, the probability of its letter, log-probabilities come along."""

    def answer(body: dict) -> dict:
        letter = pick(*shown(body))
        choice = {"message": {"role": "assistant", "content": letter}}
        if sure is not None:
            other = "B" if letter == "A" else "A"
            top = [{"token": letter, "logprob": log(sure)}, {"token": other, "logprob": log(1 - sure)}]
            choice["logprobs"] = {"content": [{"token": letter, "logprob": log(sure), "top_logprobs": top}]}
        return {"choices": [choice], "usage": {"prompt_tokens": 100, "completion_tokens": 1}}

    return answer
