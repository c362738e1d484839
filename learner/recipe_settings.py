"""The settings of the recipes, one class each, and as they are written: `dpo.beta=0.3 kto.epochs=3`. Needs no torch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from types import MappingProxyType
from typing import Any, ClassVar, Literal, TypeVar, cast, get_args

from learner.adapter import refusal
from learner.errors import BadRecipeSetting

DpoLoss = Literal["apo_zero", "sigmoid", "robust", "ipo", "sigmoid_norm"]
KtoLoss = Literal["kto", "apo_zero_unpaired"]

COUNT, FROM_0, ABOVE_0, BELOW_HALF = (1, 1_000_000), (0, 1_000_000), (0.001, 1_000_000), (0, 0.499)


def _told(told: str, limits: tuple[float, float] | None = None, choices: object = None) -> dict[str, Any]:
    return {"help": told, "limits": limits, "choices": get_args(choices)}


@dataclass(frozen=True)
class RecipeSettings:
    """What every recipe that trains in passes over a dataset has."""

    name: ClassVar[str] = ""

    epochs: int = field(default=2, metadata=_told("Passes over the dataset.", COUNT))
    batch: int = field(default=8, metadata=_told("Rows of a step.", COUNT))
    learning_rate: float = field(
        default=0.0, metadata=_told("Learning rate; 0 chooses by the size of the model.", (0, 1))
    )


@dataclass(frozen=True)
class SftSettings(RecipeSettings):
    """Supervised fine-tuning on what people wrote."""

    name: ClassVar[str] = "sft"


@dataclass(frozen=True)
class DpoSettings(RecipeSettings):
    """Direct preference optimisation on pairs."""

    name: ClassVar[str] = "dpo"

    loss: DpoLoss = field(default="apo_zero", metadata=_told("The loss, by TRL's name.", choices=DpoLoss))
    beta: float = field(default=0.6, metadata=_told("Strength of the pull towards the base model.", ABOVE_0))
    sft_weight: float = field(default=1.0, metadata=_told("Weight of SFT on the chosen answers beside it.", FROM_0))
    flip_rate: float = field(
        default=0.1,
        metadata=_told("Assumed share of flipped pairs, for sigmoid and robust.", BELOW_HALF),
    )


@dataclass(frozen=True)
class KtoSettings(RecipeSettings):
    """Kahneman-Tversky optimisation on ratings of single answers."""

    name: ClassVar[str] = "kto"

    loss: KtoLoss = field(default="kto", metadata=_told("The loss, by TRL's name.", choices=KtoLoss))
    beta: float = field(default=0.6, metadata=_told("Strength of the pull towards the base model.", ABOVE_0))
    good_weight: float = field(default=0.0, metadata=_told("Weight of good answers; 0 evens out both kinds.", FROM_0))
    bad_weight: float = field(default=0.0, metadata=_told("Weight of bad answers; 0 evens out both kinds.", FROM_0))
    sft_weight: float = field(default=0.0, metadata=_told("Weight of SFT on the good answers beside it.", FROM_0))


@dataclass(frozen=True)
class LoraSettings:
    """The adapter, beside `lora_rank` and `lora_top_share`: only what the engine serves can be set."""

    name: ClassVar[str] = "lora"

    use_rslora: bool = field(default=False, metadata=_told("Scale by alpha / root of the rank (arXiv:2312.03732)."))


Known = TypeVar("Known", bound=RecipeSettings | LoraSettings)
_ALL: tuple[type[RecipeSettings | LoraSettings], ...] = (SftSettings, DpoSettings, KtoSettings, LoraSettings)
CLASSES: Mapping[str, type[RecipeSettings | LoraSettings]] = MappingProxyType({kind.name: kind for kind in _ALL})


def parsed(words: str) -> dict[str, dict[str, object]]:
    """What `words` such as "dpo.beta=0.3 kto.epochs=3" set, by recipe. Raises BadRecipeSetting."""
    given: dict[str, dict[str, object]] = {}
    for word in words.replace(",", " ").split():
        key, equals, text = word.partition("=")
        recipe, _, name = key.partition(".")
        if not equals or not name:
            raise BadRecipeSetting(f"{word!r} sets nothing; write a recipe's setting as in kto.beta=0.2.")
        given.setdefault(recipe, {})[name] = _value(recipe, name, text)
    return given


def with_words(settings: Known, words: str) -> Known:
    """`settings` with what `words` say of their recipe. Raises BadRecipeSetting."""
    return replace(settings, **cast("Any", parsed(words).get(settings.name, {})))


def _value(recipe: str, name: str, text: str) -> object:
    kind = CLASSES.get(recipe)
    if kind is None:
        raise BadRecipeSetting(f"There is no recipe {recipe!r} with settings; there are {', '.join(CLASSES)}.")
    if kind is LoraSettings and (reason := refusal(name)):
        raise BadRecipeSetting(f"lora.{name} cannot be set: {reason}")
    known = {each.name: each for each in fields(kind)}
    if name not in known:
        raise BadRecipeSetting(f"{recipe} has no setting {name!r}; it has {', '.join(known)}.")
    metadata, default = known[name].metadata, known[name].default
    value = _converted(f"{recipe}.{name}", type(default), text)
    if (choices := metadata["choices"]) and value not in choices:
        raise BadRecipeSetting(f"{recipe}.{name} is {text!r}; it must be one of {', '.join(choices)}.")
    if (limits := metadata["limits"]) and not limits[0] <= cast("float", value) <= limits[1]:
        raise BadRecipeSetting(f"{recipe}.{name} is {text}; it must be from {limits[0]} to {limits[1]}.")
    return value


def _converted(key: str, kind: type, text: str) -> object:
    if kind is bool:
        if text.lower() not in ("true", "false"):
            raise BadRecipeSetting(f"{key} is {text!r}; it must be true or false.")
        return text.lower() == "true"
    try:
        value = kind(text)
    except ValueError:
        wanted = {int: "a whole number", float: "a number"}[kind]
        raise BadRecipeSetting(f"{key} is {text!r}; it must be {wanted}.") from None
    if isinstance(value, float) and not math.isfinite(value):
        raise BadRecipeSetting(f"{key} is {text!r}; it must be a number.")
    return value
