"""A prompt and its completion as the served chat template makes them into tokens. For training and for measuring."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from learner.errors import TrainingFailed

Messages = Sequence[dict[str, str]]


class Encoded(NamedTuple):
    """Token ids; the completion includes the end token."""

    prompt: list[int]
    completion: list[int]


def encode(tokenizer: Any, prompt: Messages, completion: str) -> Encoded:  # noqa: ANN401
    """Encode through the chat template.

    Raises TrainingFailed where the prompt as it is served is not an exact prefix of prompt and completion together:
    then the model would learn in a context that it never meets.
    """
    head = prompt_ids(tokenizer, prompt)
    answer = [{"role": "assistant", "content": completion}]
    whole: list[int] = tokenizer.apply_chat_template([*prompt, *answer], tokenize=True, return_dict=True)["input_ids"]
    if whole[: len(head)] != head:
        raise TrainingFailed(
            "The chat template writes a prompt differently once an answer follows, so what is learned would not be "
            "what is served; use a model whose template renders both the same way."
        )
    return Encoded(head, whole[len(head) :])


def prompt_ids(tokenizer: Any, prompt: Messages) -> list[int]:  # noqa: ANN401
    """The prompt alone, as the engine sees it before it generates."""
    ids: list[int] = tokenizer.apply_chat_template(
        list(prompt), add_generation_prompt=True, tokenize=True, return_dict=True
    )["input_ids"]
    return ids
