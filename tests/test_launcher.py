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
    return executable(folder / "fakepython", f"#!/bin/sh\necho {version}\n")


def executable(path: Path, text: str) -> str:
    path.write_text(text)
    path.chmod(0o755)
    return str(path)


def set_up(folder: Path, **environ: str) -> tuple[subprocess.CompletedProcess[str], list[str]]:
    """Set up with a Python that installs nothing: how that went, and what it was asked for."""
    record = folder / "record"
    record.write_text("")
    (folder / "quick").mkdir(exist_ok=True)
    executable(folder / "quick" / "sleep", "#!/bin/sh\n")
    path = f"{folder / 'quick'}:{os.environ['PATH']}"
    done = launch(folder, RATCHET_PYTHON=that_sets_up(folder), RECORD=str(record), PATH=path, **environ)
    return done, record.read_text().split()


def that_sets_up(folder: Path) -> str:
    return executable(folder / "python-that-sets-up", SETS_UP)


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


CPU, GPU = ["torch-cpu.txt", "engine-cpu.txt", "cpu.txt"], ["gpu.txt"]


def test_an_environment_is_made_once_and_anew_only_for_other_hardware(copy):
    assert set_up(copy, RATCHET_HARDWARE="cpu")[1] == ["venv", *CPU]
    assert set_up(copy, RATCHET_HARDWARE="cpu")[1] == []
    assert set_up(copy)[1] == []
    done, did = set_up(copy, RATCHET_HARDWARE="gpu")
    assert did == ["venv", *GPU]
    assert "gpu, because RATCHET_HARDWARE says so" in done.stderr
    assert "made for a cpu and is made anew" in done.stderr
    assert set_up(copy)[1] == []


def test_a_set_up_that_failed_goes_on_for_its_own_hardware_and_begins_anew_for_another(copy):
    assert set_up(copy, RATCHET_HARDWARE="gpu", PIP_DOES="exit 1")[1] == ["venv", *GPU]
    assert set_up(copy, RATCHET_HARDWARE="gpu", PIP_DOES="exit 1")[1] == GPU
    assert set_up(copy, RATCHET_HARDWARE="cpu")[1] == ["venv", *CPU]


@pytest.mark.parametrize(("torch", "rebuilt"), [("2.13.0+cpu", []), ("2.13.0", ["venv"]), (None, [])])
def test_an_environment_of_an_older_launcher_is_what_is_installed_in_it(copy, torch, rebuilt):
    set_up(copy, RATCHET_HARDWARE="cpu")
    (copy / ".venv" / ".ratchet-hardware").unlink()
    assert set_up(copy, RATCHET_HARDWARE="cpu")[1] == []
    packages = copy / ".venv" / "lib" / "python3.11" / "site-packages"
    packages.mkdir(parents=True)
    if torch:
        (packages / f"torch-{torch}.dist-info").mkdir()
    (packages / "torch_c_dlpack_ext-0.1.5.dist-info").mkdir()
    (copy / ".venv" / ".ratchet").unlink()
    assert set_up(copy, RATCHET_HARDWARE="cpu")[1] == [*rebuilt, *CPU]


def test_new_lists_are_installed_over_the_old_ones_of_the_same_hardware(copy):
    set_up(copy, RATCHET_HARDWARE="cpu")
    (copy / ".venv" / ".ratchet-hardware").unlink()
    with (copy / "requirements" / "cpu.txt").open("a") as file:
        file.write("another==1\n")
    assert set_up(copy)[1] == CPU


def test_ctrl_c_ends_pip_before_the_lock_is_let_go(copy):
    record = copy / "record"
    environ = {"RATCHET_PYTHON": that_sets_up(copy), "RECORD": str(record), "PIP_DOES": "exec sleep 60"}
    launcher = subprocess.Popen(
        [str(copy / "ratchet"), "setup"],
        env={**os.environ, **environ},
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        # Whoever starts the suite in the background of a shell has it ignore Ctrl-C, which a shell then never traps.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
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
