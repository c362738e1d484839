"""Whether this machine's memory holds a second engine, with the reason where it does not."""

from __future__ import annotations

import json
from pathlib import Path

import psutil

from chatbot.engine_flags import dtype, on_gpu
from chatbot.model import Model
from chatbot.settings import Settings

GIB = 2**30
# Measured on a CPU beyond weights and cache: what vLLM and torch take (docs/merging.md).
ENGINE_BYTES = int(1.5 * GIB)
MERGE_BYTES = int(0.75 * GIB)
RESERVE_BYTES = GIB  # for everything else on the machine
MOST_OF_GPU = 0.95
_BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}
_CGROUP = Path("/sys/fs/cgroup")


def no_second_engine(model: Model, settings: Settings) -> str | None:
    """Why there can be no merged engine beside the arms engine, in a sentence; None where there can."""
    if settings.text("engine_url"):
        return "the engine at engine_url is run by somebody else, and none is started beside it"
    if "quantization_config" in _config(model):
        return "the model is quantized, and an adapter cannot be added to its weights"
    if on_gpu() and (both := 2 * settings.number("gpu_memory_share")) > MOST_OF_GPU:
        return (
            f"two engines would take {both:.0%} of the GPU's memory; "
            f"set gpu_memory_share to {MOST_OF_GPU / 2} or less for two"
        )
    wanted, free = needed_bytes(model, settings), free_bytes()
    if wanted > free:
        return f"memory holds no second engine: it takes {wanted / GIB:.1f} GiB, and {free / GIB:.1f} are free"
    return None


def needed_bytes(model: Model, settings: Settings) -> int:
    """Memory that a merge or then a second engine needs, whichever is more, and a reserve."""
    size = sum(file.stat().st_size for file in model.folder.glob("*.safetensors"))
    weights = size // _BYTES.get(str(_config(model).get("dtype") or _config(model).get("torch_dtype")), 2)
    # The sum in float32, a copy that is rounded and saved, and the file as it is read again.
    merge = weights * (4 + 4 + 4) + MERGE_BYTES
    engine = 0 if on_gpu() else weights * _BYTES.get(dtype(model), 2) + settings.whole("engine_memory_gib") * GIB
    return max(merge, engine + ENGINE_BYTES) + RESERVE_BYTES


def free_bytes() -> int:
    """Memory that can be had: of the machine, and of the container where that is less."""
    free = psutil.virtual_memory().available
    try:
        most, used = (int((_CGROUP / f"memory.{name}").read_text()) for name in ("max", "current"))
        stat = dict(line.split() for line in (_CGROUP / "memory.stat").read_text().splitlines())
    except (OSError, ValueError):  # no container, or one without a limit, which says "max"
        return free
    return min(free, most - used + int(stat.get("inactive_file", 0)))


def _config(model: Model) -> dict[str, object]:
    config: dict[str, object] = json.loads((model.folder / "config.json").read_text())
    return config
