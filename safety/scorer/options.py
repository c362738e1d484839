"""What the scorer is started with, and what it tells of itself."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal, Protocol

import orjson

from safety.filter import Scorer

BUNDLED, DETOXIFY, NAMES = "bundled", "detoxify", "names"
Kind = Literal["", "original", "unbiased", "multilingual", "original-small", "unbiased-small"]
KINDS: tuple[Kind, ...] = ("", "original", "unbiased", "multilingual", "original-small", "unbiased-small")


@dataclass(frozen=True)
class ScorerOptions:
    """How Detoxify is found, and how much the scorer may take.

    `detoxify` is one of Detoxify's models, or empty for none; without `checkpoint`, a file, the published weights are
    looked for. `model_dir` is a folder with the configuration and the tokenizer. `sha256` is what the checkpoint must
    hash to; without it the hash at the first use is kept in `home`. Socket and log lie in `run_dir`, or in `home`.
    `classifier` is the bundled one, as module:class. `names` is a token classifier that finds names, as a folder or an
    id that transformers knows, or empty for none.
    """

    home: str
    run_dir: str = ""
    threads: int = 1
    detoxify: Kind = ""
    checkpoint: str = ""
    model_dir: str = ""
    sha256: str = ""
    download: bool = False
    precision: Literal["int8", "fp32"] = "int8"
    classifier: str = "safety.classifier:Classifier"
    names: str = ""
    names_download: bool = False

    def to_json(self) -> str:
        """For the child's command line."""
        return orjson.dumps(asdict(self)).decode()

    @classmethod
    def from_json(cls, text: str) -> ScorerOptions:
        """What `to_json` wrote."""
        return cls(**orjson.loads(text))


@dataclass(frozen=True)
class ScorerStatus:
    """`model` answers for toxicity; `why_not` says why that is not Detoxify where Detoxify is wanted.

    `trouble` says why nothing answers. `waiting` are texts that are being scored; `hits` and `misses` are of the cache.
    """

    model: str
    version: str
    why_not: str = ""
    trouble: str = ""
    pid: int = 0
    restarts: int = 0
    waiting: int = 0
    hits: int = 0
    misses: int = 0

    @property
    def told(self) -> str:
        """One line for people."""
        if not self.version:
            return self.trouble or "The scorer is starting."
        name = "Detoxify" if self.model == DETOXIFY else "the bundled classifier"
        return f"{name}, {self.version}" + (f"; not Detoxify: {self.why_not}" if self.why_not else "")


class KeptScorer(Scorer, Protocol):
    """A scorer that is started and ended with whoever asks it."""

    @property
    def ready(self) -> bool:
        """Whether it answers, and it is known whether Detoxify does."""
        ...

    def start(self) -> None:
        """Begin to start; does not wait."""
        ...

    def close(self) -> None:
        """End it."""
        ...

    def status(self) -> ScorerStatus:
        """Which model answers."""
        ...
