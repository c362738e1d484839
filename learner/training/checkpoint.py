"""What a training needs to go on after it was killed: weights, moments, random states and where it was.

Tensors in safetensors, the rest in JSON: a checkpoint never runs code where it is read.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from analytics.disk import to_disk

TENSORS, PLACE = "state.safetensors", "place.json"


@dataclass(frozen=True)
class Place:
    """Where a training is: `steps` in all, `batch` steps of them in this `epoch`; `losses` of all steps.

    `key` names what is trained on what: of another training nothing is taken.
    """

    key: str = ""
    epoch: int = 0
    batch: int = 0
    steps: int = 0
    losses: list[float] = field(default_factory=list)


def save(
    folder: Path, place: Place, weights: Mapping[str, torch.nn.Parameter], optimizer: torch.optim.Optimizer
) -> None:
    """Replace the checkpoint in `folder`, such that there is always a whole one."""
    draft = folder / f".{place.steps}.draft"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    tensors = {f"weight/{name}": weight.detach().cpu().contiguous() for name, weight in weights.items()}
    for name, weight in weights.items():
        for key, value in optimizer.state[weight].items():
            tensors[f"{key}/{name}"] = torch.as_tensor(value).detach().cpu().contiguous()
    tensors["random/cpu"] = torch.get_rng_state()
    if torch.cuda.is_available():
        tensors["random/cuda"] = torch.cuda.get_rng_state()
    save_file(tensors, draft / TENSORS)
    (draft / PLACE).write_text(json.dumps(asdict(place)))
    for path in (draft / TENSORS, draft / PLACE, draft):
        to_disk(path)
    draft.rename(folder / f"{place.steps:08}")
    for older in _whole(folder)[:-1]:
        shutil.rmtree(older)


def load(
    folder: Path, key: str, weights: Mapping[str, torch.nn.Parameter], optimizer: torch.optim.Optimizer
) -> Place | None:
    """Go on from the checkpoint in `folder`, if there is one of this training.

    Changes `weights`, `optimizer` and the random states.
    """
    found = _whole(folder)
    if not found:
        return None
    place = Place(**json.loads((found[-1] / PLACE).read_text()))
    if place.key != key:
        shutil.rmtree(folder)
        return None
    tensors = load_file(found[-1] / TENSORS)
    torch.set_rng_state(tensors.pop("random/cpu"))
    if (cuda := tensors.pop("random/cuda", None)) is not None and torch.cuda.is_available():
        torch.cuda.set_rng_state(cuda)
    with torch.no_grad():
        for key, value in tensors.items():
            kind, _, name = key.partition("/")
            weight = weights[name]
            if kind == "weight":
                weight.copy_(value)
            else:
                optimizer.state[weight][kind] = value if value.ndim == 0 else value.to(weight.device)
    return place


def _whole(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("[0-9]*") if (path / PLACE).exists())
