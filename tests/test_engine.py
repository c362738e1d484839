"""The engine's supervision, with a child that is no vLLM."""

import asyncio
import subprocess
import sys
from dataclasses import replace

import pytest

from chatbot import engine_flags
from chatbot.engine import Engine
from chatbot.engine_pieces import next_piece
from chatbot.errors import EngineDown
from chatbot.model import Model
from chatbot.screening import first_piece
from chatbot.settings import Settings
from learner import BadAdapter, free_port, hardware
from learner.starter import MODEL_DIR
from safety import Policy
from tests.adapters import register
from tests.machine import ONE, TWO
from tests.real_server import until


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


REFUSES_ADAPTERS = """
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

class Refuses(BaseHTTPRequestHandler):
    health = 200

    def do_GET(self):
        self.send_response(self.health)
        self.end_headers()

    def do_POST(self):
        sent = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(500 if "lora" in self.path else 200)
        self.end_headers()
        self.wfile.write(b"it has a cold")
        if b"deadly" in sent:
            Refuses.health = 503

HTTPServer(("127.0.0.1", int(sys.argv[1])), Refuses).serve_forever()
"""


class ColdEngine(Engine):
    """One whose first start fails for want of memory; after that it answers, and takes no adapter."""

    starts = 0

    def spawn(self) -> None:
        self.starts += 1
        if self.starts == 1:
            raise OSError("Cannot allocate memory")
        self._port = free_port()
        words = [sys.executable, "-c", REFUSES_ADAPTERS, str(self._port)]
        self._process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
        )


async def test_a_start_that_fails_is_tried_again_and_what_the_engine_refuses_is_a_bad_adapter(tmp_path, monkeypatch):
    monkeypatch.setattr("chatbot.keeper.STOP_SECONDS", 0.1)
    engine = ColdEngine(
        Model("starter", MODEL_DIR, ""), Settings.load({"home": str(tmp_path)}, environ={}), tmp_path, lambda load: None
    )
    await engine.start()
    await asyncio.to_thread(until, lambda: engine.trouble)
    assert engine.trouble == "Cannot allocate memory"
    await asyncio.to_thread(until, lambda: engine.ready)
    with pytest.raises(BadAdapter, match=f"The engine refuses {ONE}: it has a cold"):
        await asyncio.to_thread(engine.load, ONE, tmp_path)
    with pytest.raises(EngineDown):  # which says nothing of the adapter
        await asyncio.to_thread(engine.load, "deadly@1", tmp_path)
    await engine.close()


async def test_a_champion_that_the_engine_refuses_does_not_keep_the_server_down(machine, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr("chatbot.keeper.STOP_SECONDS", 0.1)
    made = machine()
    for seed in (1, 2):
        made.learner.promote(register(made.registry, tmp_path / f"run-{seed}", seed, 0.1), "operator", "a test")
    settings = Settings.load({"home": str(made.home)}, environ={})
    engine = ColdEngine(Model("starter", MODEL_DIR, ""), settings, made.home, made.registry.hold_live)
    await engine.start()
    await asyncio.to_thread(until, lambda: engine.ready)
    await engine.close()
    assert engine.starts == 2, "the first one fails for want of memory"
    assert made.learner.status()["champion"] == "base"
    assert f"{TWO} is not served any more: The engine refuses {TWO}: it has a cold." in caplog.text
    told = " ".join(f"{name} is not served any more: The engine refuses {name}: it has a cold." for name in (TWO, ONE))
    assert made.learner.status()["warning"] == f"{told} The champion is base."
    made.close()
    assert machine().learner.status()["champion"] == "base"


@pytest.mark.parametrize(
    ("flags", "small", "large"),
    [
        ("avx512f avx512_bf16 amx_bf16 amx_tile", "bfloat16", "bfloat16"),
        ("avx512f avx512_bf16", "float32", "bfloat16"),
        ("avx2", "float32", "float32"),
    ],
)
def test_a_cpu_serves_in_the_arithmetic_that_is_faster_there(flags, small, large, tmp_path, monkeypatch):
    (tmp_path / "cpuinfo").write_text(f"flags : {flags}\n")
    monkeypatch.setattr(hardware, "_CPU_INFO", tmp_path / "cpuinfo")
    monkeypatch.setattr(engine_flags, "on_gpu", lambda: False)
    with (tmp_path / "model.safetensors").open("wb") as weights:
        weights.truncate(engine_flags.SMALL_MODEL + 1)
    assert engine_flags.dtype(Model("starter", MODEL_DIR, "")) == small
    assert engine_flags.dtype(Model("large", tmp_path, "")) == large


@pytest.mark.parametrize(
    ("interval", "first", "ends"),
    [
        (1, 1, [1, 2, 3, 4, 5]),
        (1, 3, [1, 2, 3, 4, 5]),
        (2, 1, [1, 3, 5, 7, 9]),
        (3, 1, [1, 3, 6, 9, 12]),
        (4, 1, [1, 3, 5, 8, 12]),
        (8, 1, [1, 3, 8, 16, 24]),
        (8, 2, [2, 8, 16, 24, 32]),
        (8, 3, [3, 8, 16, 24, 32]),
    ],
)
def test_pieces_of_a_stream_begin_short(interval, first, ends):
    sent = 0
    for end in ends:
        sent += next_piece(sent, interval, first)
        assert sent == end


def test_the_first_piece_has_as_many_tokens_as_the_screen_needs_to_let_a_word_pass():
    whole = Policy.read()
    patterns = replace(whole, entries=tuple(one for one in whole.entries if one.use in ("cards", "personal", "terms")))
    watching = replace(whole, entries=tuple(replace(one, shadow=True) for one in whole.entries))
    assert [first_piece(policy) for policy in (whole, patterns, watching)] == [3, 2, 1]
