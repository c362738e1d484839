"""Which model is served: the bundled starter, a folder, or a model of the Hugging Face Hub."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from chatbot.errors import ModelUnusable
from learner import weights_sha256
from learner.starter import MODEL_DIR

STARTER = "starter"
REMEMBERED = "model.txt"
_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")
_PATTERNS = ["*.json", "facts.toml", "*.safetensors", "*.model", "*.txt", "*.jinja"]


@dataclass(frozen=True)
class Model:
    """A model whose files are on this machine: `name` is what people read, `sha256` that of its weights."""

    name: str
    folder: Path
    sha256: str

    @property
    def is_starter(self) -> bool:
        """Whether it is the demo model, which the pages say."""
        return self.folder == MODEL_DIR

    @property
    def facts(self) -> Path | None:
        """The facts that it brings, which its answers are held against."""
        path = self.folder / "facts.toml"
        return path if path.is_file() else None


def locate(model: str, *, download: bool = False) -> Model:
    """Find the model's files; with `download` a Hub id is fetched when it is not here yet.

    Raises ModelUnusable.
    """
    if model == STARTER:
        return _checked(STARTER, MODEL_DIR)
    if (folder := _as_folder(model)) is not None:
        return _checked(folder.name, folder)
    if not _HUB_ID.fullmatch(model) or Path(model).is_absolute():
        raise ModelUnusable(
            f"There is no model {model!r}: say 'starter', a folder, or a Hub id such as Qwen/Qwen3-0.6B."
        )
    return _checked(model, _from_hub(model, download))


def remember(home: Path, model: str) -> None:
    """Note in the home which model it serves, for commands that come while no server runs, from whichever folder."""
    folder = None if model == STARTER else _as_folder(model)
    (home / REMEMBERED).write_text(f"{folder or model}\n")


def remembered(home: Path) -> str | None:
    """The model that the home served last, if it ever served one."""
    path = home / REMEMBERED
    return path.read_text().strip() if path.exists() else None


def _as_folder(model: str) -> Path | None:
    folder = Path(model).expanduser()
    return folder.resolve() if folder.is_dir() else None


def _from_hub(model: str, download: bool) -> Path:
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(model, allow_patterns=_PATTERNS, local_files_only=True))
    except Exception as error:
        if not download:
            raise ModelUnusable(f"{model} is not on this machine yet; the first start downloads it.") from error
    try:
        return Path(snapshot_download(model, allow_patterns=_PATTERNS))
    except Exception as error:
        raise ModelUnusable(
            f"{model} could not be downloaded ({type(error).__name__}). Is the name right and the network there? "
            "A folder that holds the model works without one: --model /path/to/folder."
        ) from error


def _checked(name: str, folder: Path) -> Model:
    if not (folder / "config.json").is_file() or not any(folder.glob("*.safetensors")):
        raise ModelUnusable(f"{folder} must hold config.json and safetensors weights; at least one is missing.")
    return Model(name, folder, weights_sha256(folder))
