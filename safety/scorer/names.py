"""A token classifier in the scorer that finds the names of persons, places and organisations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
import transformers

from safety.entities import Entity, as_scores
from safety.errors import ScorerFailed
from safety.scorer.options import ScorerOptions

STRIDE = 32  # tokens that two parts of a long text share
LONGEST = 512
LABELS: Mapping[str, str] = MappingProxyType(
    {"PER": "person", "LOC": "location", "GPE": "location", "ORG": "organization"}
)


def load(options: ScorerOptions) -> NamesModel:
    """Load the model that the options name, from safetensors alone. Raises ScorerFailed with the reason."""
    torch.set_num_threads(options.threads)
    local = {"local_files_only": not options.names_download, "trust_remote_code": False}
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(options.names, use_fast=True, **local)
        model = transformers.AutoModelForTokenClassification.from_pretrained(
            options.names, use_safetensors=True, **local
        )
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        told = str(error).strip().partition("\n")[0]
        raise ScorerFailed(f"no model of names can be made of {options.names}: {told}") from None
    return NamesModel(model.eval(), tokenizer, f"{Path(options.names).name}")


class NamesModel:
    """Gives each text the entities in it, see `safety.entities`. `labels` is empty: its answers have them."""

    labels: Sequence[str] = ()

    def __init__(self, model: Any, tokenizer: Any, version: str) -> None:  # noqa: ANN401
        self.version = version
        room = min(int(model.config.max_position_embeddings), int(tokenizer.model_max_length), LONGEST)
        # RoBERTa counts positions from behind the padding's.
        tokenizer.model_max_length = room - (2 if "roberta" in model.config.model_type else 0)
        self._find = transformers.pipeline(
            "token-classification",
            model=model,
            tokenizer=tokenizer,
            aggregation_strategy="simple",
            stride=min(STRIDE, room // 4),
            device=-1,
        )

    @torch.inference_mode()
    def score(self, texts: Sequence[str]) -> list[dict[str, float]]:
        """The entities of each text, as scores."""
        return [as_scores(self._entities(text)) for text in texts]

    def _entities(self, text: str) -> list[Entity]:
        found = self._find(text) if text.strip() else []
        return [
            Entity(int(one["start"]), int(one["end"]), _label(one["entity_group"]), float(one["score"]))
            for one in found
            if one["end"] > one["start"]
        ]


def _label(given: str) -> str:
    return LABELS.get(given.upper(), given.lower().replace("_", " "))
