"""How an adapter is made from lessons: one recipe per file, by its name in `RECIPES`.

The files import torch, so each is imported only when it trains.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from types import MappingProxyType

from learner.lessons import Lessons
from learner.recipes import needs
from learner.recipes.task import Engine, Recipe, Report, Task, Training
from learner.settings import LapSettings

__all__ = ["RECIPES", "Engine", "Recipe", "Report", "Task", "Training"]


def _recipe(name: str, lacks: Callable[[Lessons, LapSettings], str | None]) -> Recipe:
    def train(task: Task) -> Training:
        made: Training = import_module(f"learner.recipes.{name}").train(task)
        return made

    return Recipe(name, lacks, train)


# In the order in which the chooser tries them.
RECIPES: Mapping[str, Recipe] = MappingProxyType(
    {
        recipe.name: recipe
        for recipe in (
            _recipe("dpo", needs.pairs),
            _recipe("kto", needs.ratings),
            _recipe("sft", needs.demonstrations),
        )
    }
)
