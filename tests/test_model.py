"""`./ratchet up --model`: somebody's own model, in a folder on this machine, behind the same doors."""

import shutil
import signal

import httpx
import pytest

from analytics import Store
from chatbot.model import locate, remember, remembered
from learner import weights_sha256
from learner.starter import MODEL_DIR
from tests.history import History, lesson
from tests.real_server import RealServer, ask, until


def test_a_folder_is_remembered_wherever_the_next_command_is_given(tmp_path, monkeypatch):
    shutil.copytree(MODEL_DIR, tmp_path / "models" / "mine")
    monkeypatch.chdir(tmp_path / "models")
    remember(tmp_path, "mine")
    monkeypatch.chdir(tmp_path)
    assert locate(remembered(tmp_path)).folder == tmp_path / "models" / "mine"


@pytest.mark.engine
def test_a_model_in_a_folder_is_served_learns_and_has_no_badge(tmp_path):
    folder = tmp_path / "my-model"
    shutil.copytree(MODEL_DIR, folder)
    server = RealServer(tmp_path)
    store = Store.open(server.home / "store.duckdb")
    lesson(History(store), learners=30, judges=10)
    store.close()
    server.start("--model", str(folder))
    try:
        with server.client("operator") as operator:
            answer = ask(operator, "how long is delivery?")
            run_id = operator.post("/v1/runs").json()["run_id"]
            until(lambda: operator.get(f"/v1/runs/{run_id}").json()["state"] not in ("queued", "running"), 240)
            run = operator.get(f"/v1/runs/{run_id}").json()
        page = httpx.get(server.url, trust_env=False).text
    finally:
        code, left = server.end(signal.SIGTERM)
    assert answer["choices"][0]["message"]["content"]
    assert answer["ratchet"]["weights_sha256"] == weights_sha256(folder)
    assert (run["state"], run["adapter"]) == ("succeeded", "my-model@1")
    assert "demo model" not in page.lower()
    assert remembered(server.home) == str(folder)
    assert (code, left) == (0, [])
