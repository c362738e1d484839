"""Filters by name: those that ship with Ratchet, and those that other packages bring.

A package brings one with an entry point of the group `ratchet.filters`, whose object is called with a `Setup`:

    [project.entry-points."ratchet.filters"]
    my-filter = "my_package.filters:MyFilter"
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.metadata import entry_points
from types import MappingProxyType
from typing import cast

from safety.errors import BadPolicy
from safety.filter import Filter, Setup

GROUP = "ratchet.filters"
SHIPPED: Mapping[str, str] = MappingProxyType(
    {
        "cards": "safety.filters.cards:Cards",
        "code": "safety.filters.code:Code",
        "facts": "safety.filters.facts:Facts",
        "guard": "safety.filters.guard:Guard",
        "harm": "safety.filters.classified:Classified",
        "injection": "safety.filters.injection:Injection",
        "leak": "safety.filters.leak:Leak",
        "presidio": "safety.filters.presidio:Presidio",
        "personal": "safety.filters.personal:Personal",
        "secrets": "safety.filters.secrets:Secrets",
        "self_harm": "safety.filters.self_harm:SelfHarm",
        "terms": "safety.filters.terms:Terms",
        "toxicity": "safety.filters.classified:Classified",
    }
)


def names() -> list[str]:
    """Every filter that a policy can use."""
    return sorted({*SHIPPED, *(point.name for point in entry_points(group=GROUP))})


def build(use: str, setup: Setup) -> Filter:
    """Make the filter that is registered as `use`. Raises BadPolicy where there is none, or it cannot be made so."""
    make = _shipped(use) if use in SHIPPED else _brought(use)
    try:
        made = make(setup)
    except BadPolicy:
        raise
    except Exception as error:
        raise BadPolicy(f"The filter {setup.name!r} cannot be made with these options: {error}") from error
    if not isinstance(made, Filter):
        raise BadPolicy(f"The filter {setup.name!r} is no filter: it needs id, version and check(text, context).")
    return made


def reads_windows(use: str) -> bool:
    """Whether a filter reads windows of a stream; patterns see every piece. Raises BadPolicy where there is none."""
    return not hasattr(_shipped(use) if use in SHIPPED else _brought(use), "undecided")


def _shipped(use: str) -> Callable[[Setup], Filter]:
    module, name = SHIPPED[use].split(":")
    return cast("Callable[[Setup], Filter]", getattr(import_module(module), name))


def _brought(use: str) -> Callable[[Setup], Filter]:
    found = entry_points(group=GROUP, name=use)
    if not found:
        raise BadPolicy(f"There is no filter {use!r}; there are {', '.join(names())}.")
    return cast("Callable[[Setup], Filter]", next(iter(found)).load())
