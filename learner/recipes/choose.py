"""Which recipe fits what people said."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from learner.lessons import Lessons
from learner.recipes import RECIPES
from learner.recipes.task import Recipe
from learner.settings import LapSettings

# Why a recipe is taken when those before it lack something.
_BECAUSE: Mapping[str, str] = {
    "dpo": "there are enough pairs, which say the most",
    "kto": "single answers were rated, and there are too few pairs",
    "sft": "there are answers that people wrote, and too few that were compared or rated",
}


class Choice(NamedTuple):
    """`recipe` is None where nothing can be trained; `reason` says why in a sentence."""

    recipe: Recipe | None
    reason: str


def choose(lessons: Lessons, settings: LapSettings, recipes: Mapping[str, Recipe] = RECIPES) -> Choice:
    """The recipe that the settings name, or the first that lacks nothing."""
    if settings.recipe != "auto":
        recipe = recipes[settings.recipe]
        lacks = recipe.lacks(lessons, settings)
        return Choice(None, lacks) if lacks else Choice(recipe, f"The settings ask for {recipe.name}.")
    lacking = {}
    for name, recipe in recipes.items():
        lacks = recipe.lacks(lessons, settings)
        if lacks is None:
            because = f"Trained by {name}, for {_BECAUSE.get(name, 'nothing else fits')}."
            return Choice(recipe, because)
        lacking[name] = lacks
    return Choice(None, " Or: ".join(lacking.values()))
