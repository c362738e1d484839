"""Records of Argilla: of 2.x nested or flattened, and of a FeedbackDataset (1.x), from JSON, JSONL or Parquet.

argilla/records/_io/_generic.py and the guides to suggestions and responses of github.com/argilla-io/argilla. An export
has no questions, only their answers, so what a question means is told by the answer and by the question's name.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from learner.imports.made import Left, Made
from learner.imports.messages import Messages, Unfit, answer, messages
from learner.pair import Source

Record = Mapping[str, Any]
_ASKED = ("messages", "chat", "conversation", "prompt", "instruction", "question", "query", "input", "context")
_ANSWER = re.compile(r"^(response|reply|completion|generation|answer|output|candidate|chosen|rejected|text)", re.I)
_REMARK = re.compile(r"comment|rationale|reason|feedback|note|explain|why|critique", re.I)
_TIE = ("tie", "equal", "both", "neither", "same", "draw", "none")
_GOOD = (
    "good",
    "yes",
    "true",
    "positive",
    "helpful",
    "correct",
    "thumbs_up",
    "thumbs up",
    "accept",
    "accepted",
    "like",
)
_BAD = (
    "bad",
    "no",
    "false",
    "negative",
    "unhelpful",
    "incorrect",
    "thumbs_down",
    "thumbs down",
    "reject",
    "rejected",
    "dislike",
)
_SUBMITTED = ("submitted", "None", "")


class Said(NamedTuple):
    """An answer to a question, by a person or, as a suggestion, by a model."""

    question: str
    value: Any
    rater: str | None
    status: str
    suggested: bool


def is_argilla(record: Record) -> bool:
    """Whether a record is one of Argilla's."""
    return isinstance(record.get("fields"), Mapping) or any(
        name.endswith((".responses", ".suggestion", "-suggestion")) for name in record
    ) or any(_old_answers(value) for value in record.values())  # fmt: skip


def argilla(record: Record, *, scale: int, suggestions: bool) -> Iterator[Made | Left]:
    """The examples of a record; ratings go from 1 to `scale`. Raises Unfit."""
    fields = record["fields"] if isinstance(record.get("fields"), Mapping) else record
    asked = _prompt(fields)
    answers = {name: answer(text) for name, text in sorted(fields.items()) if _is_answer(name, text)}
    said = list(_said(record))
    if not said:
        yield Left("nobody answered a question of it")
    for one in said:
        if one.suggested and not suggestions:
            yield Left("only a model suggested it; --suggestions takes that")
        elif one.status.rsplit(".", 1)[-1] not in _SUBMITTED:
            yield Left(f"the answer is {one.status.rsplit('.', 1)[-1]}, not submitted")
        else:
            yield from _meant(one, asked, answers, scale)


def _prompt(fields: Mapping[str, Any]) -> Messages:
    name = next((name for name in _ASKED if fields.get(name)), None)
    if name is None:
        raise Unfit(f"it has no field with a prompt; known are {', '.join(_ASKED)}")
    system = fields.get("system") or fields.get("system_prompt")
    found = messages(_loaded(fields[name]))
    return ({"role": "system", "content": str(system)}, *found) if system else found


def _is_answer(name: str, value: object) -> bool:
    return (
        isinstance(value, str)
        and bool(value)
        and "." not in name
        and "-suggestion" not in name
        and bool(_ANSWER.match(name))
    )


def _said(record: Record) -> Iterator[Said]:
    responses, suggestions = record.get("responses"), record.get("suggestions")
    if isinstance(responses, Mapping):  # 2.x: question: [{value, user_id}]
        for question, given in responses.items():
            for one in given or ():
                yield Said(question, one.get("value"), _text(one.get("user_id")), str(one.get("status") or ""), False)
    elif isinstance(responses, Sequence):  # 1.x: [{user_id, values: {question: {value}}, status}]
        for one in responses:
            for question, held in (one.get("values") or {}).items():
                value = held.get("value") if isinstance(held, Mapping) else held
                yield Said(question, value, _text(one.get("user_id")), str(one.get("status") or ""), False)
    if isinstance(suggestions, Mapping):
        for question, held in suggestions.items():
            yield Said(question, held.get("value") if isinstance(held, Mapping) else held, None, "", True)
    elif isinstance(suggestions, Sequence):
        for one in suggestions:
            yield Said(str(one.get("question_name")), one.get("value"), None, "", True)
    if responses is None and suggestions is None:
        yield from _flat(record)


def _flat(record: Record) -> Iterator[Said]:
    for name, value in record.items():
        if name.endswith(".responses") and value:
            users, states = (record.get(f"{name}.{what}") or [] for what in ("users", "status"))
            for one, user, status in itertools.zip_longest(value, users, states):
                yield Said(name.removesuffix(".responses"), one, _text(user), str(status or ""), False)
        elif name.endswith((".suggestion", "-suggestion")) and value not in (None, "", []):
            yield Said(re.sub(r"[.-]suggestion$", "", name), value, None, "", True)
        elif (answers := _old_answers(value)) is not None:
            yield from (
                Said(name, one["value"], _text(one.get("user_id")), str(one.get("status") or ""), False)
                for one in answers
            )


def _old_answers(value: object) -> list[Record] | None:
    """A column of a FeedbackDataset on the Hub: [{user_id, value, status}], or the same by columns."""
    if isinstance(value, Mapping) and {"user_id", "value", "status"} <= value.keys():
        columns = [value[name] or [] for name in ("user_id", "value", "status")]
        return [dict(zip(("user_id", "value", "status"), row, strict=True)) for row in zip(*columns, strict=False)]
    if (
        isinstance(value, list)
        and value
        and isinstance(value[0], Mapping)
        and {"user_id", "value", "status"} <= value[0].keys()
    ):
        return value
    return None


def _meant(said: Said, asked: Messages, answers: Mapping[str, str], scale: int) -> Iterator[Made | Left]:
    source: Source = "ai-feedback" if said.suggested else "import"
    value = _loaded(said.value)
    if value is None or value in ("", []):
        yield Left("the answer is empty")
    elif isinstance(value, list | Mapping):
        yield from _ranked(said, value, asked, answers, source)
    elif isinstance(value, bool | int | float):
        yield _rating(said, float(value), asked, answers, scale, source)
    elif (name := _named(str(value), answers)) is not None and len(answers) > 1:
        yield from _preferred(said, name, asked, answers, source)
    elif str(value).lower() in (*_GOOD, *_BAD) and _REMARK.search(said.question) is None:
        text = _rated_answer(said.question, answers)
        yield Made(asked, text, good=str(value).lower() in _GOOD, source=source, rater=said.rater)
    elif str(value).lower().split("_")[0] in _TIE:
        yield Left("the answers are as good as each other")
    elif _REMARK.search(said.question):
        yield Left("a remark is no example")
    elif str(value).isdigit():
        yield _rating(said, float(value), asked, answers, scale, source)
    elif " " in str(value).strip():
        yield _written(said, str(value), asked, answers)
    else:
        yield Left(f"the label {str(value)[:30]!r} says nothing of an answer")


def _ranked(
    said: Said, value: list[Any] | Mapping[str, Any], asked: Messages, answers: Mapping[str, str], source: Source
) -> Iterator[Made | Left]:
    """All pairs of a ranking (Ouyang et al. 2022), which together weigh one less than it has answers."""
    if isinstance(value, Mapping):  # by columns: rank, value
        value = [dict(zip(value, row, strict=True)) for row in zip(*value.values(), strict=False)]
    ranks: dict[str, float] = {}
    for place, one in enumerate(value, 1):
        name = _named(str(one.get("value") if isinstance(one, Mapping) else one), answers)
        if name is None:
            yield Left("a ranking names what is no field with an answer")
            return
        rank = one.get("rank") if isinstance(one, Mapping) else None
        ranks[name] = float(place if rank is None else rank)
    pairs = [(one, other) for one, other in itertools.permutations(ranks, 2) if ranks[one] < ranks[other]]
    weight = round(min(1.0, (len(ranks) - 1) / max(1, len(pairs))), 4)
    if not pairs:
        yield Left("the answers are as good as each other")
    for better, worse in pairs:
        yield Made(asked, answers[better], answers[worse], source=source, rater=said.rater, weight=weight)


def _preferred(said: Said, best: str, asked: Messages, answers: Mapping[str, str], source: Source) -> Iterator[Made]:
    for name, text in answers.items():
        if name != best:
            weight = round(1 / (len(answers) - 1), 4)
            yield Made(asked, answers[best], text, source=source, rater=said.rater, weight=weight)


def _rating(
    said: Said, value: float, asked: Messages, answers: Mapping[str, str], scale: int, source: Source
) -> Made | Left:
    if isinstance(said.value, bool):
        value = float(scale if said.value else 1)
    if not 0 <= value <= scale:
        return Left(f"a rating of {value:g} is beyond the scale from 1 to {scale}; --scale names another")
    middle = (1 + scale) / 2
    if value == middle:
        return Left("the rating is in the middle of the scale")
    text, weight = _rated_answer(said.question, answers), abs(value - middle) / (scale - middle)
    return Made(asked, text, good=value > middle, source=source, rater=said.rater, weight=round(min(1.0, weight), 4))


def _rated_answer(question: str, answers: Mapping[str, str]) -> str:
    """The only answer, or the one whose number the question's name has."""
    if len(answers) == 1:
        return next(iter(answers.values()))
    number = _number(question)
    found = [text for name, text in answers.items() if number is not None and _number(name) == number]
    if len(found) != 1:
        raise Unfit("it is not clear which answer was rated" if answers else "it has no field with an answer")
    return found[0]


def _written(said: Said, text: str, asked: Messages, answers: Mapping[str, str]) -> Made:
    """A better answer by a person, who may have left it as it was."""
    source: Source = "ai-feedback" if said.suggested else "demonstration"
    before = next(iter(answers.values()), None)
    rejected = None if before is None or len(answers) > 1 or before.strip() == text.strip() else before
    return Made(asked, text, rejected, source=source, rater=said.rater)


def _named(value: str, answers: Mapping[str, str]) -> str | None:
    """The field that a label or a part of a ranking names: by its name, or by its number."""
    if value in answers:
        return value
    number = _number(value) if re.search(r"[A-Za-z]", value) else None
    found = [name for name in answers if number is not None and _number(name) == number]
    return found[0] if len(found) == 1 else None


def _number(name: str) -> int | None:
    found = re.search(r"(\d+)\D*$", name)
    return int(found[1]) if found else None


def _loaded(value: Any) -> Any:  # noqa: ANN401
    """A list or an object that was written as text, as in a column of strings."""
    if isinstance(value, str) and value[:1] in ("[", "{"):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def _text(value: object) -> str | None:
    return None if value in (None, "None", "") else str(value)
