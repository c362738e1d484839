"""`./ratchet demo`: people with a hidden taste take the real loop through a lap, in its small size."""

import json
import os
import subprocess
import sys

import psutil
import pytest

from learner import weights_sha256
from learner.starter import MODEL_DIR
from tests.real_server import ROOT

WAIT_SECONDS = 600


def played(folder, *words: str) -> dict:
    """The one object that the demo printed; nothing of it may run afterwards."""
    command = [sys.executable, "-m", "chatbot", "demo", "--size", "small", "--json", *words]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("RATCHET_")}
    environ = clean | {"TMPDIR": str(folder)}
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=WAIT_SECONDS)
    assert done.returncode == 0, done.stderr
    assert [process for process in psutil.process_iter() if str(folder) in " ".join(_words(process))] == []
    return json.loads(done.stdout)


def _words(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


@pytest.mark.engine
def test_a_lap_ends_with_a_promotion_and_new_people_are_happier(tmp_path):
    found = played(tmp_path, "--seed", "1", "--png", str(tmp_path / "demo.png"))
    assert (found["promoted"], found["stopped_by"]) == ("starter@1", None), found["reason"]
    assert found["interval"][0] > 0
    assert found["satisfaction_after"] > found["satisfaction_before"]
    assert found["weights_sha256"] != weights_sha256(MODEL_DIR)
    assert (tmp_path / "demo.png").stat().st_size > 10_000


@pytest.mark.engine
def test_those_who_like_nothing_but_length_are_stopped_by_the_length_gate(tmp_path):
    found = played(tmp_path, "--taste", "longer", "--png", str(tmp_path / "demo.png"))
    assert found["promoted"] is None
    assert "length" in found["stopped_by"]
    assert found["weights_sha256"] == weights_sha256(MODEL_DIR)
