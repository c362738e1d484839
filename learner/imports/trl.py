"""The dataset formats of TRL: preference, KTO's unpaired preference, and demonstrations; and what is like them.

https://huggingface.co/docs/trl/dataset_formats
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

from learner.imports.made import Left, Made
from learner.imports.messages import Messages, Unfit, answer, dialogue, messages, split
from learner.pair import Source

Record = Mapping[str, Any]
_TRUE, _FALSE = ("true", "1", "1.0", "yes", "good"), ("false", "0", "0.0", "no", "bad", "-1")
# What this project itself writes may come back as what it was.
_OWN: Mapping[str, Source] = {"red-team": "red-team", "ai-feedback": "ai-feedback", "augmentation": "augmentation"}


def is_preference(record: Record) -> bool:
    """Whether a record prefers one answer to another."""
    return {"chosen", "rejected"} <= record.keys() or {"right", "wrong"} <= record.keys()


def is_kto(record: Record) -> bool:
    """Whether a record labels one answer."""
    return {"completion", "label"} <= record.keys()


def is_demonstration(record: Record) -> bool:
    """Whether a record shows one answer."""
    names = record.keys()
    return bool({"messages", "conversations"} & names) or {"prompt", "completion"} <= names or _is_instruction(record)


def trl(record: Record) -> Iterator[Made | Left]:
    """An example of a record in any of TRL's formats. Raises Unfit."""
    if record.get("person_group") in ("decide", "holdout"):
        yield Left("it was exported from here, and is of people who judge what is learned")
    elif is_preference(record):
        yield _preference(record)
    elif is_kto(record):
        yield from kto(record)
    elif is_demonstration(record):
        yield _demonstration(record)
    else:
        raise Unfit("it has neither chosen and rejected, nor prompt and completion, nor messages")


def kto(record: Record) -> Iterator[Made | Left]:
    """A rating: prompt, completion, label. Raises Unfit."""
    if not is_kto(record):
        raise Unfit("it has no completion and label")
    if record.get("person_group") in ("decide", "holdout"):
        yield Left("it was exported from here, and is of people who judge what is learned")
        return
    prompt, text = _prompted(record.get("prompt"), record["completion"])
    yield Made(prompt, text, good=_label(record["label"]))


def _label(value: object) -> bool:
    told = str(value).strip().lower()
    if told not in (*_TRUE, *_FALSE):
        raise Unfit("the label is neither true nor false")
    return told in _TRUE


def _preference(record: Record) -> Made:
    chosen, rejected = (
        record[one] if one in record else record[other] for one, other in (("chosen", "right"), ("rejected", "wrong"))
    )
    if chosen is None or rejected is None:
        raise Unfit("chosen or rejected is missing")
    source: Source = _OWN.get(str(record.get("source")), "import")
    given = record.get("prompt")
    prompt, first, second = (
        _implicit(chosen, rejected) if given in (None, "", []) else _explicit(given, chosen, rejected)
    )
    return Made(prompt, first, second, source=source)


def _explicit(given: object, chosen: object, rejected: object) -> tuple[Messages, str, str]:
    """With a prompt of its own; some files put it into chosen and rejected once more."""
    one, first = _prompted(given, chosen)
    other, second = _prompted(given, rejected)
    if one != other:
        raise Unfit("chosen and rejected do not answer the same prompt")
    return one, first, second


def _prompted(given: object, said: object) -> tuple[Messages, str]:
    if given in (None, "", []):
        return split(said)
    prompt = messages(given)
    whole = messages(said) if not isinstance(said, str) else (dialogue(said) or ())
    if len(whole) > 1:
        before, text = split(said)
        # A dialogue that has the prompt in it says more than the prompt, such as a system prompt.
        if before[-1]["content"].strip() != prompt[-1]["content"].strip():
            raise Unfit("an answer has several messages")
        return before, text
    return prompt, answer(said)


def _implicit(chosen: object, rejected: object) -> tuple[Messages, str, str]:
    """The prompt is what both begin with."""
    if isinstance(chosen, str) and isinstance(rejected, str) and dialogue(chosen) is None:
        same = itertools.takewhile(lambda letters: letters[0] == letters[1], zip(chosen, rejected, strict=False))
        shared = "".join(letter for letter, _ in same)
        shared = shared[: max(shared.rfind(" "), shared.rfind("\n")) + 1]
        if not shared.strip():
            raise Unfit("there is no prompt, and chosen and rejected begin differently")
        return messages(shared.strip()), chosen[len(shared) :], rejected[len(shared) :]
    (one, first), (other, second) = split(chosen), split(rejected)
    if one != other:
        raise Unfit("chosen and rejected do not answer the same prompt")
    return one, first, second


def _demonstration(record: Record) -> Made:
    if _is_instruction(record):
        more = str(record.get("input") or "")
        asked = f"{record['instruction']}\n\n{more}" if more.strip() else str(record["instruction"])
        return Made(messages(asked), answer(record.get("output", record.get("response"))), source="demonstration")
    whole = record.get("messages") or record.get("conversations")
    prompt, text = split(whole) if whole else _prompted(record["prompt"], record["completion"])
    return Made(prompt, text, source="demonstration")


def _is_instruction(record: Record) -> bool:
    return "instruction" in record and ("output" in record or "response" in record)
