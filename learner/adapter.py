"""An adapter's folder: its hash, and whether the engine would take it."""

from __future__ import annotations

import json
import shutil
from hashlib import sha256
from pathlib import Path
from typing import Any

from learner.errors import BadAdapter

WEIGHTS = "adapter_model.safetensors"
CONFIG = "adapter_config.json"
CARD = "card.json"
README = "README.md"  # the model card, for people and the Hub
ATTESTATION = "attestation.json"

# What vLLM refuses, and the value each must have. Initialisations such as PiSSA change the base as well, so an adapter
# made with one is wrong on the base that is served.
_REFUSED: dict[str, tuple[object, ...]] = {
    "modules_to_save": (None, []),
    "use_dora": (None, False),
    "lora_bias": (None, False),
    "alora_invocation_tokens": (None,),
    "layer_replication": (None,),
    "use_qalora": (None, False),
    "bias": (None, "none"),
    "init_lora_weights": (True, False, "gaussian", "eva", "orthogonal"),
}


# Why, for who would set one of them.
_REASONS = {
    "modules_to_save": "the engine takes no whole layers beside an adapter",
    "use_dora": "the engine serves no DoRA",
    "lora_bias": "the engine takes no biases in an adapter",
    "alora_invocation_tokens": "the engine serves no activated LoRA",
    "layer_replication": "the engine has the base's layers and no others",
    "use_qalora": "the engine serves no QALoRA",
    "bias": "the engine keeps the base's biases",
    "init_lora_weights": "some initialisations change the base as well, and the adapter is wrong on the one served",
}


def refusal(name: str) -> str | None:
    """Why PEFT's setting `name` must stay as it is, in a sentence; None where nothing is known against it."""
    return f"{_REASONS[name]}, so adapters are made without it." if name in _REASONS else None


def weights_sha256(folder: Path) -> str:
    """The hash of the weights in `folder`: of the one safetensors file, or of the hashes of several, by name.

    Raises BadAdapter where there is none, or it cannot be read.
    """
    hashes = [_file_sha256(path) for path in sorted(folder.glob("*.safetensors"))]
    if not hashes:
        raise BadAdapter(f"There are no safetensors weights in {folder}.")
    return hashes[0] if len(hashes) == 1 else sha256("".join(hashes).encode()).hexdigest()


def check_adapter(folder: Path, max_rank: int) -> None:
    """Raise BadAdapter unless `folder` holds a plain LoRA adapter of a rank up to `max_rank` that vLLM can serve."""
    if not (folder / WEIGHTS).is_file() or not (folder / CONFIG).is_file():
        raise BadAdapter(f"{folder} must hold {WEIGHTS} and {CONFIG}; at least one is missing.")
    config = read_object(folder / CONFIG)
    if config.get("peft_type") != "LORA":
        raise BadAdapter(f"The engine serves LoRA adapters only; this one is {config.get('peft_type')}.")
    if not isinstance(rank := config.get("r"), int):
        raise BadAdapter(f"{folder / CONFIG} names no rank.")
    if rank > max_rank:
        raise BadAdapter(f"The adapter's rank {rank} exceeds {max_rank}, the engine's: raise lora_rank.")
    for name, allowed in _REFUSED.items():
        if config.get(name) not in allowed:
            raise BadAdapter(f"The engine refuses adapters with {name} = {config[name]!r}; train without it.")


def read_object(path: Path) -> dict[str, Any]:
    """The JSON object in one of an adapter's files. Raises BadAdapter."""
    try:
        told = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise BadAdapter(f"{path} cannot be read ({error}); the adapter cannot be served.") from error
    if not isinstance(told, dict):
        raise BadAdapter(f"{path} holds no JSON object; the adapter cannot be served.")
    return told


def copy_adapter(source: Path, target: Path, card: dict[str, object], readme: str) -> None:
    """Copy the adapter's files and nothing else, with both cards, so that `target` exists whole or not at all."""
    draft = target.with_name(f".{target.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    for name in (WEIGHTS, CONFIG, ATTESTATION):
        if name != ATTESTATION or (source / name).is_file():  # one that was made elsewhere has none
            shutil.copyfile(source / name, draft / name)
    (draft / CARD).write_text(json.dumps(card, indent=1, sort_keys=True))
    (draft / README).write_text(readme)
    draft.rename(target)


def _file_sha256(path: Path) -> str:
    digest = sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    except OSError as error:
        raise BadAdapter(f"{path} cannot be read ({error}); the weights cannot be served.") from error
    return digest.hexdigest()
