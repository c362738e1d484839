"""vLLM's own server, with two things changed. Run as: python -m chatbot.engine_main, with vLLM's flags

The first pieces of a stream are short (`engine_pieces.py`). And on a CPU the engine's process is a fork of the server:
vLLM would start it anew, and that imports for a second time what takes longer than all else.
"""

from __future__ import annotations

import os
import runpy
from typing import Any

from vllm.platforms.cpu import CpuPlatform
from vllm.v1.engine import output_processor

from chatbot.engine_pieces import FIRST_PIECE, UNSCREENED, next_piece

METHOD = "VLLM_WORKER_MULTIPROC_METHOD"
FIRST = int(os.environ.get(FIRST_PIECE, UNSCREENED))


class State(output_processor.RequestState):  # type: ignore[misc]
    """An answer under way. It asks how much makes the next piece each time a token has come."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        super().__init__(*args, **kwargs)
        self._most: int = self.stream_interval

    def make_request_output(self, new: Any, pooled: Any, finished: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        """What is to be sent by now, if anything."""
        sent = self.sent_tokens_offset
        if sent:
            self.stream_interval = next_piece(sent, self._most)
        elif finished is None and self._most > 1 and self.detokenizer.num_output_tokens() < FIRST:
            return None
        return super().make_request_output(new, pooled, finished, *args, **kwargs)


def main() -> None:
    """Serve until told to stop."""
    CpuPlatform.check_and_update_config = classmethod(_checked)
    output_processor.RequestState = State
    runpy.run_module("vllm.entrypoints.openai.api_server", run_name="__main__")


def _checked(cls: type[CpuPlatform], config: Any, check: Any = CpuPlatform.check_and_update_config.__func__) -> None:  # noqa: ANN401
    check(cls, config)
    os.environ[METHOD] = "fork"


if __name__ == "__main__":
    main()
