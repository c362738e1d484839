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
class RewardSettings(RecipeSettings):
    """A reward model by Bradley and Terry."""

    name: ClassVar[str] = "reward"

    epochs: int = field(default=3, metadata=_told("Passes over the pairs.", COUNT))
    batch: int = field(default=16, metadata=_told("Pairs of a step.", COUNT))
    center: float = field(default=0.01, metadata=_told("Pull of a pair's rewards to 0 (arXiv:2312.09244).", FROM_0))
    flip_rate: float = field(default=0.0, metadata=_told("Assumed share of flipped pairs.", BELOW_HALF))
    adapted: bool = field(default=True, metadata=_told("Train LoRA on the last layers too, not the head alone."))
    held_out: float = field(default=0.2, metadata=_told("Share of the people to measure with.", (0, 0.9)))


@dataclass(frozen=True)
class RlSettings(RecipeSettings):
    """What reinforcement learning has in common; an epoch is a round of roll-outs."""

    epochs: int = field(default=30, metadata=_told("Rounds of roll-outs.", COUNT))
    prompts: int = field(default=16, metadata=_told("Prompts of a round.", COUNT))
    samples: int = field(default=8, metadata=_told("Completions of each prompt.", (2, 1000)))
    batch: int = field(default=8, metadata=_told("Prompts of a step, with all their completions.", COUNT))
    most_tokens: int = field(default=160, metadata=_told("Longest completion, in tokens.", COUNT))
    beta: float = field(default=0.05, metadata=_told("Price of a nat of KL to the base, in deviations.", FROM_0))
    clip: float = field(default=0.2, metadata=_told("How far a ratio counts from 1 (arXiv:1707.06347).", ABOVE_0))
    cut_off: float = field(default=1.0, metadata=_told("Price of a completion that did not end.", FROM_0))
    most_kl: float = field(default=30.0, metadata=_told("Mean KL of a completion that ends it, in nats.", ABOVE_0))
    length_drift: float = field(
        default=1.5, metadata=_told("Mean length, in multiples or parts, that ends it.", (1, 100))
    )
    reward: str = field(default="", metadata=_told("Folder of a reward model; one is trained where it is empty."))
    judge: str = field(default="", metadata=_told("File of a calibrated judge that gives the rewards instead."))


@dataclass(frozen=True)
class RlooSettings(RlSettings):
    """REINFORCE with the other completions' mean as the baseline."""

    name: ClassVar[str] = "rloo"


@dataclass(frozen=True)
class GrpoSettings(RlSettings):
    """Group relative policy optimisation."""

    name: ClassVar[str] = "grpo"


@dataclass(frozen=True)
class HybridSettings(DpoSettings):
    """DPO on people's pairs, filled up by AI feedback."""

    name: ClassVar[str] = "hybrid"

    share: float = field(default=0.5, metadata=_told("Largest share of AI feedback among the rows.", (0, 0.95)))
    weight: float = field(default=0.5, metadata=_told("What a pair of AI feedback counts.", (0, 100)))
    judge: str = field(default="", metadata=_told("File of a judge; a reward model of the run where it is empty."))
    margin: float = field(default=0.05, metadata=_told("How far above one half a judge must agree.", (0, 0.5)))


@dataclass(frozen=True)
class LoraSettings:
    """The adapter, beside `lora_rank` and `lora_top_share`: only what the engine serves can be set."""

    name: ClassVar[str] = "lora"

    use_rslora: bool = field(default=False, metadata=_told("Scale by alpha / root of the rank (arXiv:2312.03732)."))


Known = TypeVar("Known", bound=RecipeSettings | LoraSettings)
_ALL: tuple[type[RecipeSettings | LoraSettings], ...] = (
    SftSettings,
    DpoSettings,
    KtoSettings,
    RewardSettings,
    RlooSettings,
    GrpoSettings,
    HybridSettings,
    LoraSettings,
)
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
