"""A LiteLLM proxy in a virtual environment of its own, which is made once and kept."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import orjson

from benchmarks.gateway.processes import BenchmarkFailed, Target, running, until_ready
from benchmarks.gateway.targets import READY_SECONDS, plain_environment
from learner import free_port
from safety.errors import NotInstalled
from safety.own_venv import own_venv

VERSION = "1.83.14"
# Ratchet writes no line for each request either.
QUIET = {"version": 1, "disable_existing_loggers": False, "loggers": {"uvicorn.access": {"level": "WARNING"}}}


def folder() -> Path:
    """Where the virtual environment is kept, in the user's cache."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    return cache / "ratchet" / f"litellm-{VERSION}-python-{python}"


def install() -> Path:
    """Make the virtual environment unless it is there. Raises BenchmarkFailed where that cannot be done."""
    try:
        own_venv(sys.executable, folder(), "LiteLLM", [f"litellm[proxy]=={VERSION}"])
    except NotInstalled as error:
        raise BenchmarkFailed(str(error)) from None
    return folder()


@contextlib.contextmanager
def litellm(where: Path, venv: Path, engine: Target) -> Iterator[Target]:
    """The proxy in front of `engine`, with one worker, no database, and what its docs advise for production."""
    port, log = free_port(), where / "litellm.log"
    config = where / f"litellm-{port}.yaml"
    config.write_bytes(orjson.dumps(_config(engine)))  # JSON is YAML, too
    words = [str(venv / "bin" / "litellm"), "--config", str(config), "--host", "127.0.0.1", "--port", str(port)]
    logging = where / "litellm-logging.json"
    logging.write_bytes(orjson.dumps(QUIET))
    words += ["--num_workers", "1", "--telemetry", "False", "--log_config", str(logging)]
    with running(words, _environment(), log) as process:
        url = f"http://127.0.0.1:{port}"
        until_ready(process, f"{url}/health/liveliness", READY_SECONDS, log)
        yield Target("litellm", url, engine.model, {"Authorization": "Bearer none"}, process.pid)


def _config(engine: Target) -> dict[str, object]:
    key = engine.headers["Authorization"].removeprefix("Bearer ")
    parameters = {"model": f"openai/{engine.model}", "api_base": f"{engine.url}/v1", "api_key": key}
    return {
        "model_list": [{"model_name": engine.model, "litellm_params": parameters}],
        "litellm_settings": {"set_verbose": False, "num_retries": 0, "request_timeout": 600, "telemetry": False},
        "general_settings": {"disable_spend_logs": True},
    }


def _environment() -> dict[str, str]:
    ours = ("PYTHONPATH", "DATABASE_URL", "LITELLM_MASTER_KEY")
    clean = {name: value for name, value in plain_environment().items() if name not in ours}
    # It would fetch a list of prices from the network as it starts.
    return clean | {"LITELLM_MODE": "PRODUCTION", "LITELLM_LOG": "ERROR", "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
