"""Virtual environments of their own, for tools whose dependencies do not go with ours: made once, and kept."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from safety.errors import NotInstalled

MARK = ".installed"  # written last, so an interrupted installation is made anew
INSTALL_SECONDS = 900.0  # for each command


def own_venv(maker: str, venv: Path, what: str, *installs: Sequence[str]) -> Path:
    """The Python of `venv`, which the Python `maker` makes unless it is there, with what each of `installs` names.

    Raises NotInstalled, which says of `what` why it could not be installed.
    """
    python = venv / "bin" / "python"
    if (venv / MARK).exists():
        return python
    try:
        shutil.rmtree(venv, ignore_errors=True)
        venv.parent.mkdir(parents=True, exist_ok=True)
        _call(maker, "-m", "venv", str(venv))
        _call(str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "uv")
        for packages in installs:
            _call(str(venv / "bin" / "uv"), "pip", "install", "--quiet", "--python", str(python), *packages)
        (venv / MARK).touch()
    except subprocess.CalledProcessError as error:
        raise NotInstalled(f"{what} cannot be installed: {(error.stderr or '').strip()[-500:]}") from None
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotInstalled(f"{what} cannot be installed: {error}") from None
    return python


def _call(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True, text=True, timeout=INSTALL_SECONDS, start_new_session=True)
