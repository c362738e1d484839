"""What is asked and said: groups and templates from two files, and every sentence and prompt that they make."""

from __future__ import annotations

import random
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, Self, TypeVar

from safety.bias.words import Rule, capital, compiled, rewritten, with_article
from safety.errors import BadSuite

FOLDER = Path(__file__).parent
FORMS = ("name", "trait", "person", "people")
KINDS = ("neutral", "toxic", "background_neutral", "background_toxic")
_SLOT = re.compile(r"\{(a |A )?(\w+)\}")
_CHOICE = re.compile(r"\[([^\[\]]*\|[^\[\]]*)\]")

Message = Mapping[str, str]
T = TypeVar("T")


@dataclass(frozen=True)
class Group:
    """`wordings` are by form; a group with `rewrite` is a way of saying things instead."""

    name: str
    wordings: Mapping[str, tuple[str, ...]]
    rewrite: tuple[Rule, ...] | None = None


@dataclass(frozen=True)
class Axis:
    """Groups that are alike but for one thing, the reference first.

    Where they are `aligned`, the names at one place have something in common that is to stay. Between the two groups of
    `exchange`, pairs of `words` are exchanged as well.
    """

    name: str
    groups: tuple[Group, ...]
    aligned: bool = False
    exchange: tuple[str, ...] = ()
    words: tuple[tuple[str, str], ...] = ()

    @property
    def reference(self) -> Group:
        """Whom the others are held against."""
        return self.groups[0]

    @property
    def is_dialect(self) -> bool:
        """Whether the groups are ways of saying things."""
        return self.reference.rewrite is not None


@dataclass(frozen=True)
class Question:
    """A conversation that ends with a person's question; `quality` rates an answer in [0, 1] where that is known."""

    messages: tuple[Message, ...]
    quality: Callable[[str], float] | None = None

    @property
    def text(self) -> str:
        """What the person asks."""
        return self.messages[-1]["content"]


@dataclass(frozen=True)
class Sentence:
    """A text for the filters. `pair` is the same in the reference's text; a background sentence has no group."""

    axis: str
    group: str
    pair: str
    template: str
    text: str
    toxic: bool


@dataclass(frozen=True)
class Prompt:
    """A conversation for the model. `pair` is the same in the reference's prompt."""

    axis: str
    group: str
    pair: str
    template: str
    messages: tuple[Message, ...]
    question: Question


@dataclass(frozen=True)
class Suite:
    """Everything that the two files say."""

    axes: tuple[Axis, ...]
    frames: tuple[str, ...]
    questions: tuple[Question, ...]
    sentences: Mapping[str, tuple[str, ...]]

    @classmethod
    def load(cls, folder: Path = FOLDER) -> Self:
        """Read `groups.toml` and `templates.toml`. Raises BadSuite."""
        groups, templates = (_read(folder / name) for name in ("groups.toml", "templates.toml"))
        try:
            axes = tuple(_axis(name, table) for name, table in groups.items())
            said = {kind: tuple(templates.get("sentences", {}).get(kind, ())) for kind in KINDS}
            asked = templates.get("prompts", {})
            questions = tuple(Question(({"role": "user", "content": text},)) for text in asked.get("questions", ()))
            suite = cls(axes, tuple(asked.get("frames", ())), questions, said)
        except (KeyError, TypeError, AttributeError, ValueError, re.error) as error:
            raise BadSuite(f"{folder} is not a suite: {error}. The bundled one is {FOLDER}.") from error
        suite._check(folder)
        return suite

    def background(self) -> list[Sentence]:
        """The sentences in which no group is mentioned."""
        return [
            Sentence("", "", text, template, text, toxic)
            for toxic in (False, True)
            for template in self.sentences[f"background_{'toxic' if toxic else 'neutral'}"]
            for text in expanded(template)
        ]

    def swapped(self, axis: Axis, toxic: bool, most: int, seed: int) -> list[Sentence]:
        """At most `most` sentences for each group of the axis, the same ones for all of them."""
        if axis.is_dialect:
            said = [(one.template, one.text) for one in self.background() if one.toxic is toxic]
            drawn = spread([(template, (text,)) for template, text in said], most, f"{seed} {axis.name} {toxic}")
            return [
                Sentence(axis.name, group.name, text, template, changed, toxic)
                for group in axis.groups
                for template, (text,) in drawn
                for changed in [_said(group, text)]
                if changed is not None
            ]
        cells = [
            (template, (text, wording))
            for template in _fitting(self.sentences["toxic" if toxic else "neutral"], axis)
            for text in expanded(template)
            for wording in range(_wordings(axis, text))
        ]
        return [
            Sentence(axis.name, group.name, f"{text} {wording}", template, filled(text, group, wording), toxic)
            for group in axis.groups
            for template, (text, wording) in spread(cells, most, f"{seed} {axis.name} {toxic}")
        ]

    def prompts(self, axis: Axis, questions: Sequence[Question], most: int, seed: int) -> list[Prompt]:
        """At most `most` prompts for each group of the axis, the same for all of them, spread over the questions."""
        cells = [
            (question.text, (frame, question, wording))
            for question in questions
            for frame in (("{question}",) if axis.is_dialect else _fitting(self.frames, axis))
            for wording in range(_wordings(axis, frame))
        ]
        drawn = spread(cells, most, f"{seed} {axis.name} prompts")
        return [
            Prompt(axis.name, group.name, f"{frame} {wording} {question.text}", question.text, messages, question)
            for group in axis.groups
            for _, (frame, question, wording) in drawn
            for messages in [_asked(group, frame, question, wording)]
            if messages is not None
        ]

    def _check(self, folder: Path) -> None:
        for axis in self.axes:
            if not axis.is_dialect and not any(_fitting(self.sentences["neutral"], axis)):
                raise BadSuite(f"{folder}: no neutral sentence has a form that every group of {axis.name!r} knows.")
        for template in (*self.frames, *(text for kind in KINDS for text in self.sentences[kind])):
            unknown = {slot.lower() for _, slot in _SLOT.findall(template)} - {*FORMS, "question"}
            if unknown:
                raise BadSuite(f"{folder}: {template!r} asks for {{{unknown.pop()}}}; there are {', '.join(FORMS)}.")


def spread(cells: Sequence[tuple[str, T]], most: int, seed: str) -> list[tuple[str, T]]:
    """At most `most` cells, drawn so that every template has its turn before one has a second."""
    rng = random.Random(seed)
    shuffled = rng.sample(cells, len(cells))
    turns: dict[str, int] = {}
    ranked = []
    for cell in shuffled:
        turns[cell[0]] = turns.get(cell[0], 0) + 1
        ranked.append((turns[cell[0]], cell))
    return [cell for _, cell in sorted(ranked, key=lambda one: one[0])][:most]


def expanded(template: str) -> Iterator[str]:
    """Every text that the choices of a template make: `a [red|blue] lamp` makes two."""
    parts = _CHOICE.split(template)
    options = [part.split("|") if number % 2 else [part] for number, part in enumerate(parts)]
    return ("".join(chosen) for chosen in product(*options))


def filled(template: str, group: Group, wording: int) -> str:
    """The template with the words of the group in its slots, `{question}` left alone."""

    def word(match: re.Match[str]) -> str:
        article, slot = match[1], match[2]
        if slot == "question":
            return match[0]
        words = group.wordings[slot.lower()]
        said = words[wording % len(words)]
        said = with_article(said) if article else said
        return capital(said) if slot[0].isupper() or article == "A " else said

    return _SLOT.sub(word, template)


def _asked(group: Group, frame: str, question: Question, wording: int) -> tuple[Message, ...] | None:
    *before, last = question.messages
    text = _said(group, last["content"]) if group.rewrite is not None else last["content"]
    if text is None:
        return None
    return (*before, {**last, "content": filled(frame, group, wording).replace("{question}", text)})


def _said(group: Group, text: str) -> str | None:
    """The text as the group says it; None where it says it in the same words, but for the reference."""
    assert group.rewrite is not None
    changed = rewritten(text, group.rewrite)
    return None if group.rewrite and changed == text else changed


def _fitting(templates: Sequence[str], axis: Axis) -> list[str]:
    forms = set.intersection(*(set(group.wordings) for group in axis.groups))
    needs = ({slot.lower() for _, slot in _SLOT.findall(template)} - {"question"} for template in templates)
    return [template for template, need in zip(templates, needs, strict=True) if need and need <= forms]


def _wordings(axis: Axis, template: str) -> int:
    slots = {slot.lower() for _, slot in _SLOT.findall(template)} - {"question"}
    return max((len(group.wordings[slot]) for group in axis.groups for slot in slots), default=1)


def _axis(name: str, table: Mapping[str, Any]) -> Axis:
    groups = [_group(one) for one in table["groups"]]
    first = [group for group in groups if group.name == table["reference"]]
    if len(first) != 1 or len(groups) < 2 or len({group.name for group in groups}) < len(groups):
        raise ValueError(f"the axis {name!r} needs two groups or more, of different names, one of them its reference")
    if len({group.rewrite is None for group in groups}) > 1:
        raise ValueError(f"of the axis {name!r} all groups must have `rewrite`, or none")
    words = tuple((str(one), str(other)) for one, other in table.get("words", ()))
    others = (group for group in groups if group is not first[0])
    aligned, exchange = bool(table.get("aligned", False)), tuple(table.get("exchange", ()))
    return Axis(name, (*first, *others), aligned, exchange, words)


def _group(table: Mapping[str, Any]) -> Group:
    name = str(table["group"])
    if "rewrite" in table:
        return Group(name, {}, compiled(table["rewrite"]))
    wordings = {form: tuple(map(str, table[form])) for form in FORMS if table.get(form)}
    if not wordings:
        raise ValueError(f"the group {name!r} has neither wordings ({', '.join(FORMS)}) nor `rewrite`")
    return Group(name, wordings)


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadSuite(
            f"{path} cannot be read ({error.strerror}); a suite has groups.toml and templates.toml."
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadSuite(f"{path} is not TOML: {error}.") from None
