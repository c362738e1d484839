"""vLLM's worker on a CPU, with two things put right. The engine is told of it by --worker-cls

Adapters are applied by `GroupedLora`. And a request with a seed no longer ends the engine: where a prompt is computed
in parts, as in a full batch, vLLM takes back what was drawn too early by a call that generators on a CPU refuse.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from vllm.platforms import current_platform
from vllm.v1.worker.cpu_model_runner import CPUModelRunner
from vllm.v1.worker.cpu_worker import CPUWorker

from chatbot.engine_lora import GroupedLora


class Worker(CPUWorker):  # type: ignore[misc]
    """The worker that `chatbot.engine_flags` names."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        wrapper = f"{GroupedLora.__module__}.{GroupedLora.__name__}"
        type(current_platform).get_punica_wrapper = classmethod(lambda cls: wrapper)
        super().__init__(*args, **kwargs)

    def init_device(self) -> None:
        """Make the runner, and let it take back what was drawn too early."""
        super().init_device()
        if type(self.model_runner) is CPUModelRunner:
            self.model_runner.__class__ = Runner


class Runner(CPUModelRunner):  # type: ignore[misc]
    """Begins a seeded generator anew after each part of a prompt but the last: no token was kept until then."""

    def _bookkeeping_sync(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        batch = self.input_batch
        for place in np.nonzero(self.discard_request_mask.np[: batch.num_reqs])[0]:
            if (generator := batch.generators.get(int(place))) is not None:
                generator.manual_seed(generator.initial_seed())
        generators, batch.generators = batch.generators, {}
        try:
            return super()._bookkeeping_sync(*args, **kwargs)
        finally:
            batch.generators = generators
