"""LoRA adapters for the starter that nobody trained: small ones change little, a large one speaks gibberish."""

import json
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from learner import Registry
from learner.starter import MODEL_DIR

RANK = 4


def adapter(folder: Path, seed: int, size: float) -> Path:
    """Random matrices on the attention of every layer, with entries of B of about `size`."""
    model, rng = json.loads((MODEL_DIR / "config.json").read_text()), np.random.default_rng(seed)
    width, head = model["hidden_size"], model["head_dim"]
    rows = {"q_proj": head * model["num_attention_heads"], "v_proj": head * model["num_key_value_heads"]}
    weights = {}
    for layer in range(model["num_hidden_layers"]):
        for name, out in rows.items():
            stem = f"base_model.model.model.layers.{layer}.self_attn.{name}"
            weights[f"{stem}.lora_A.weight"] = rng.normal(size=(RANK, width)).astype(np.float32)
            weights[f"{stem}.lora_B.weight"] = (size * rng.normal(size=(out, RANK))).astype(np.float32)
    folder.mkdir(parents=True)
    save_file(weights, folder / "adapter_model.safetensors")
    config = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": "starter",
        "r": RANK,
        "lora_alpha": RANK,
        "target_modules": sorted(rows),
        "bias": "none",
        "init_lora_weights": True,
    }
    (folder / "adapter_config.json").write_text(json.dumps(config))
    return folder


def finished(run: Path, seed: int, size: float, champion: str = "base") -> None:
    """Make an adapter as a lap that was gated against `champion` leaves it in its folder `run`."""
    adapter(run / "adapter", seed, size)
    for name, content in (("manifest", {}), ("gates", {"gates": []}), ("run", {"champion_name": champion})):
        (run / f"{name}.json").write_text(json.dumps(content))


def register(
    registry: Registry, run: Path, seed: int, size: float, champion: str = "base", passed: bool = False
) -> str:
    """Make an adapter as a lap that was gated against `champion` leaves it, and register it; returns its name."""
    finished(run, seed, size, champion)
    return registry.register(run, run_id=run.name, passed=passed, reason="made by a test")
