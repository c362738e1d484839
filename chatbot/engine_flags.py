"""How the engine is started: its command line and its environment, from the settings and the hardware."""

from __future__ import annotations

import os
import shutil
import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, version

from chatbot.engine_pieces import FIRST_PIECE
from chatbot.model import Model
from chatbot.screening import first_piece, policy_in_force
from chatbot.settings import Settings
from chatbot.tracing import traces_address
from learner import BASE, bfloat16, fast_bfloat16

CPU_WORKER = "chatbot.engine_worker.Worker"
# A model of no more than this many bytes stays in the caches of a CPU, so that arithmetic bounds it and not memory.
SMALL_MODEL = 64 << 20
# What was computed of a conversation before is taken over in whole blocks, and vLLM's own 128 tokens for a CPU are more
# than most questions have.
BLOCK_TOKENS = 32

# On a CPU vLLM would start a process more for the model alone, and with it import everything once more. In one process
# it leaves the threads to us; one core stays free for the server. It compiles nothing there but its log-probabilities,
# at the first turn of an experiment, and that breaks it on a machine without a C++ compiler.
_ON_CPU = {
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
    "TORCH_COMPILE_DISABLE": "1",
    "OMP_NUM_THREADS": str(max(1, (os.cpu_count() or 1) - 1)),
}

# As the server sends its own spans; vLLM's default is gRPC, at a port of its own.
_TRACED = {"OTEL_SERVICE_NAME": "vllm", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf"}


@cache
def on_gpu() -> bool:
    """Whether the CUDA build of vLLM is installed and a GPU is there."""
    try:
        version("vllm")
    except PackageNotFoundError:
        return False
    return shutil.which("nvidia-smi") is not None


def dtype(model: Model) -> str:
    """The arithmetic to serve with: on a CPU what is faster there for a model of this size."""
    if on_gpu():
        return "auto"
    large = sum(file.stat().st_size for file in model.folder.glob("*.safetensors")) > SMALL_MODEL
    return "bfloat16" if fast_bfloat16() or (large and bfloat16()) else "float32"


def command(model: Model, settings: Settings, port: int, merged_from: Model | None = None) -> list[str]:
    """The engine's command line; without LoRA for a model that was `merged_from` another one."""
    flags: dict[str, object] = {
        "model": model.folder,
        "served-model-name": BASE,
        "host": "127.0.0.1",
        "port": port,
        "dtype": dtype(merged_from or model),  # the file of a merge may be larger, and must not decide otherwise
        "max-model-len": settings.whole("max_model_len"),
        "max-num-seqs": settings.whole("max_streams"),
        "max-num-queued-reqs": settings.whole("max_queue"),
        "stream-interval": settings.whole("stream_interval"),
        "uvicorn-log-level": "warning",
    }
    if merged_from is None:
        flags["max-loras"] = settings.whole("lora_slots")
        flags["max-cpu-loras"] = 2 * settings.whole("lora_slots")
        flags["max-lora-rank"] = settings.whole("lora_rank")
    if on_gpu():
        flags["gpu-memory-utilization"] = settings.number("gpu_memory_share")
    else:
        flags["distributed-executor-backend"] = "uni"
        flags["worker-cls"] = CPU_WORKER
        flags["block-size"] = BLOCK_TOKENS
    words = [word for name, value in flags.items() for word in (f"--{name}", str(value))]
    words += [] if merged_from else ["--enable-lora"]
    words += ["--disable-access-log-for-endpoints=/health", "--no-enable-log-requests"]
    if parser := settings.text("tool_call_parser"):
        words += ["--enable-auto-tool-choice", "--tool-call-parser", parser]
    if collector := settings.text("otlp_endpoint"):
        words += ["--otlp-traces-endpoint", traces_address(collector)]
    return [sys.executable, "-m", "chatbot.engine_main", *words]


def environment(settings: Settings, key: str, *, lora: bool = True) -> dict[str, str]:
    """The engine's environment: the key, the first piece, no telemetry, no network for a model whose files are here."""
    return {
        **({} if on_gpu() else _ON_CPU),
        **(_TRACED if settings.text("otlp_endpoint") else {}),
        **os.environ,
        FIRST_PIECE: str(first_piece(policy_in_force(settings))),
        "VLLM_API_KEY": key,
        "VLLM_ALLOW_RUNTIME_LORA_UPDATING": str(lora),
        "VLLM_CPU_KVCACHE_SPACE": str(settings.whole("engine_memory_gib")),
        "VLLM_NO_USAGE_STATS": "1",
        "VLLM_LOGGING_LEVEL": "WARNING",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_OFFLINE": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "PYTHONWARNINGS": "ignore",
    }
