"""The launcher: which Python it takes, and what it says when it cannot go on."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


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
