"""Guard models: how each family is asked about an exchange, and what its answer means. One file per family."""

from safety.guards.base import Ask, Exchange, Family, Reply
from safety.guards.client import Client
from safety.guards.llama_guard import LlamaGuard
from safety.guards.qwen3guard import Qwen3Guard
from safety.guards.rubric import Rubric
from safety.guards.shieldgemma import ShieldGemma

_ALL: tuple[Family, ...] = (LlamaGuard(), Qwen3Guard(), ShieldGemma(), Rubric())
FAMILIES: dict[str, Family] = {family.name: family for family in _ALL}


def family_of(model: str) -> Family:
    """The family that a model's name tells; any other model is asked by the rubric."""
    plain = model.lower().replace("_", "-")
    return next((family for family in FAMILIES.values() if any(mark in plain for mark in family.marks)), Rubric())


__all__ = ["FAMILIES", "Ask", "Client", "Exchange", "Family", "Reply", "family_of"]
