"""Reads a checkpoint of Detoxify without running anything that is in it.

Detoxify's own format is a pickle {config, state_dict}; a pickle can name any function to be called, so only tensors and
plain values are read. A safetensors file has the config as JSON in its metadata, under `config`; without one, its
labels are those of `config.json` in the model's folder, as the Hub has them.
"""

from __future__ import annotations

import json
import pickle
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import torch
from safetensors.torch import load as load_tensors

from safety.errors import ScorerFailed

STANDARD = {"toxic": "toxicity", "identity_hate": "identity_attack", "severe_toxic": "severe_toxicity"}
CLASSES = frozenset(
    f"{family}ForSequenceClassification" for family in ("Bert", "Roberta", "XLMRoberta", "Albert", "DistilBert")
)


class Checkpoint(NamedTuple):
    """Weights by name, and what they are of; `labels` are empty and `base` is where the file does not say."""

    weights: Mapping[str, torch.Tensor]
    architecture: str
    base: str
    labels: Sequence[str]


def read(path: Path, file: BinaryIO) -> Checkpoint:
    """The checkpoint in an open file. Raises ScorerFailed for what is none, and for one that would run code."""
    weights, config = _of_safetensors(file) if path.suffix == ".safetensors" else _of_pickle(path, file)
    if not weights or not all(isinstance(value, torch.Tensor) for value in weights.values()):
        raise ScorerFailed(f"{path} holds no weights")
    if config is None:
        return Checkpoint(weights, "", "", ())
    try:
        labels = [STANDARD.get(name, name) for name in config["dataset"]["args"]["classes"]]
        given = config["arch"]["args"]
        architecture, base = str(given["model_name"]), str(given["model_type"])
    except (KeyError, TypeError) as error:
        raise ScorerFailed(f"the config in {path} is none of Detoxify's: {error!r} is missing") from None
    if architecture not in CLASSES:
        raise ScorerFailed(f"{path} is of a {architecture}; only {', '.join(sorted(CLASSES))} are known")
    return Checkpoint(weights, architecture, base, labels)


def _of_pickle(path: Path, file: BinaryIO) -> tuple[Mapping[str, Any], Any]:
    try:
        loaded = torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        told = str(error).partition("WeightsUnpickler error: ")[2].partition("\n")[0] or "it is no checkpoint"
        raise ScorerFailed(f"{path} is refused, since reading it could run code of its own: {told}") from None
    except Exception as error:
        raise ScorerFailed(f"{path} cannot be read: {error!r}") from None
    if not isinstance(loaded, Mapping) or not {"config", "state_dict"} <= set(loaded):
        raise ScorerFailed(f"{path} is no checkpoint of Detoxify's: it needs `config` and `state_dict`")
    return loaded["state_dict"], loaded["config"]


def _of_safetensors(file: BinaryIO) -> tuple[Mapping[str, Any], Any]:
    data = file.read()
    try:
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        config = header.get("__metadata__", {}).get("config")
        return load_tensors(data), None if config is None else json.loads(config)
    except Exception as error:
        raise ScorerFailed(f"it cannot be read as safetensors: {error}") from None
