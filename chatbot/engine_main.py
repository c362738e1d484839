"""vLLM's own server for a CPU, whose engine is a fork of it. Run as: python -m chatbot.engine_main, with vLLM's flags

vLLM would start the engine's process anew on a CPU, and that imports for a second time what takes longer than all else.
"""

from __future__ import annotations

import os
import runpy
from typing import Any

from vllm.platforms.cpu import CpuPlatform

METHOD = "VLLM_WORKER_MULTIPROC_METHOD"


def main() -> None:
    """Serve until told to stop."""
    CpuPlatform.check_and_update_config = classmethod(_checked)
    runpy.run_module("vllm.entrypoints.openai.api_server", run_name="__main__")


def _checked(cls: type[CpuPlatform], config: Any, check: Any = CpuPlatform.check_and_update_config.__func__) -> None:  # noqa: ANN401
    check(cls, config)
    os.environ[METHOD] = "fork"


if __name__ == "__main__":
    main()
