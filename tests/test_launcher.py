"""The launcher: which Python it takes, and what it says when it cannot go on."""

import os
import shutil
import signal
import subprocess
from pathlib import Path

import psutil
import pytest

from tests.real_server import until

ROOT = Path(__file__).parents[1]
# Makes an environment of nothing but itself, and writes down what pip is asked to install; PIP_DOES comes after that.
SETS_UP = """#!/bin/sh
case "$*" in
    *version_info*) echo 3.11 ;;
    "-m venv --clear "*) rm -rf "$4" && mkdir -p "$4/bin" && cp "$0" "$4/bin/python" && echo venv >>"$RECORD" ;;
    *"pip install"*)
        for word in "$@"; do case "$word" in *.txt) basename "$word" >>"$RECORD" ;; esac; done
        echo "$$" >"$RECORD.pid"
        ${PIP_DOES:-true}
        ;;
esac
"""


@pytest.fixture
def copy(tmp_path):
    """A fresh copy of the launcher and its lists, without any environment."""
    shutil.copy(ROOT / "ratchet", tmp_path / "ratchet")
    shutil.copytree(ROOT / "requirements", tmp_path / "requirements")
    return tmp_path


def launch(folder: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(folder / "ratchet"), "setup"], env={**os.environ, **environ}, capture_output=True, text=True, timeout=60
    )


def fake_python(folder: Path, version: str) -> str:
    path = folder / "fakepython"
    path.write_text(f"#!/bin/sh\necho {version}\n")
    path.chmod(0o755)
    return str(path)


def set_up(folder: Path, **environ: str) -> tuple[subprocess.CompletedProcess[str], list[str]]:
    """Set up with a Python that installs nothing: how that went, and what it was asked for."""
    record = folder / "record"
    record.write_text("")
    done = launch(folder, RATCHET_PYTHON=that_sets_up(folder), RECORD=str(record), **environ)
    return done, record.read_text().split()


def that_sets_up(folder: Path) -> str:
    path = folder / "python-that-sets-up"
    path.write_text(SETS_UP)
    path.chmod(0o755)
    return str(path)


def test_a_python_that_cannot_work_is_refused_with_what_to_do(copy):
    done = launch(copy, RATCHET_PYTHON=fake_python(copy, "3.9"))
    assert done.returncode == 1
    assert "is Python 3.9; Ratchet needs 3.11, 3.12 or 3.13" in done.stderr


def test_without_any_fitting_python_it_says_how_to_get_one(copy):
    (copy / "bin").mkdir()
    for tool in ("sh", "dirname", "cat", "cksum", "tr", "sed", "mkdir", "rm", "sleep"):
        (copy / "bin" / tool).symlink_to(shutil.which(tool))
    done = launch(copy, PATH=str(copy / "bin"))
    assert done.returncode == 1
    assert "apt-get install python3.11" in done.stderr
    assert not (copy / ".venv.lock").exists()


def test_unknown_hardware_is_refused(copy):
    done = launch(copy, RATCHET_HARDWARE="tpu")
    assert done.returncode == 1
    assert "say cpu or gpu" in done.stderr


def test_ctrl_c_ends_pip_before_the_lock_is_let_go(copy):
    record = copy / "record"
    environ = {"RATCHET_PYTHON": that_sets_up(copy), "RECORD": str(record), "PIP_DOES": "exec sleep 60"}
    launcher = subprocess.Popen(
        [str(copy / "ratchet"), "setup"],
        env={**os.environ, **environ},
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    until(lambda: record.with_suffix(".pid").exists() and record.with_suffix(".pid").read_text())
    pip = psutil.Process(int(record.with_suffix(".pid").read_text()))
    try:
        os.killpg(launcher.pid, signal.SIGINT)  # as a terminal does
        assert launcher.wait(30) == 130
        assert not pip.is_running()
        assert not (copy / ".venv.lock").exists()
    finally:
        if pip.is_running():
            pip.kill()
