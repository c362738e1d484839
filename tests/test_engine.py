"""The engine's supervision, with a child that is no vLLM."""

import asyncio
import subprocess
import sys

from chatbot.engine import Engine
from chatbot.model import Model
from chatbot.settings import Settings


class Fails(Engine):
    """One that says where it lives, and ends."""

    def spawn(self) -> None:
        self._port = 1
        words = [sys.executable, "-c", "print('Traceback: /home/of/the/operator')"]
        with self._log.open("ab") as log_file:
            self._process = subprocess.Popen(
                words, stdin=subprocess.PIPE, stdout=log_file, stderr=log_file, start_new_session=True
            )


async def test_the_end_of_the_engines_log_is_for_the_operator_and_for_nobody_else(tmp_path, caplog):
    settings = Settings.load({"home": str(tmp_path)}, {})
    engine = Fails(Model("starter", tmp_path, ""), settings, tmp_path, lambda load: None)
    await engine.start()
    async with asyncio.timeout(20):
        while not engine.trouble:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    await engine.close()
    assert engine.trouble == "The engine ended while it started; engine.log in the home says why."
    assert "Traceback: /home/of/the/operator" in caplog.text
