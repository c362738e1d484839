"""Makes texts from the phrase banks in generated/.

In a bank {a|b|c} is one of the three, and {name} one of the list of that name in slots.toml. Its `goals` are
infinitives, which get a frame from frames.toml around them; its `says` stand for themselves. `labels` are those that
are true of all its texts, `maybe` those that may be, which are neither taught nor measured; the rest are not. Texts of
banks without labels are innocent, and `slice` says in which way.
"""

from __future__ import annotations

import math
import random
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from safety.classifier.examples import UNKNOWN, Example, Split, target
from safety.classifier.labels import LABELS
from safety.errors import TrainingRefused

FOLDER = Path(__file__).with_name("generated")
DRAWS = 24  # texts of each line of a bank, fewer where it has not so many
ANSWERED, REFUSED, SPOKEN_OF = 0.12, 0.2, 0.4  # of as many texts as ask for a harmful goal
ABOUT_SLICE, REFUSAL_SLICE = "harm spoken of, not asked for", "refusals"
_CHOICE = re.compile(r"\{([^{}]*)\}")
_Table = Mapping[str, Any]


def generated(seed: int, folder: Path = FOLDER, draws: int = DRAWS) -> list[Example]:
    """The texts of all banks in `folder`, the same for a seed. Raises TrainingRefused for what it cannot read."""
    tables = _load(folder)
    examples: list[Example] = []
    for split in ("taught", "held_out"):
        for path in sorted((folder / split).glob("*.toml")):
            for bank in tomllib.loads(path.read_text("utf-8"))["bank"]:
                rng = random.Random(f"{seed} {bank['family']}")
                examples += _Bank(bank, split, tables, rng, draws).examples()
    return examples


@cache
def _load(folder: Path) -> tuple[_Table, _Table]:
    slots, frames = (tomllib.loads((folder / f"{name}.toml").read_text("utf-8")) for name in ("slots", "frames"))
    return slots, frames


def fill(text: str, slots: _Table, rng: random.Random) -> str:
    """`text` with every choice made. Raises TrainingRefused for a list that there is not."""

    def choose(match: re.Match[str]) -> str:
        inside: str = match[1]
        if "|" in inside:
            return str(rng.choice(inside.split("|")))
        if inside not in slots:
            raise TrainingRefused(f"slots.toml has no list {inside!r}, which a bank asks for in {text!r}.")
        return str(rng.choice(slots[inside]))

    while "{" in text:
        text, changed = _CHOICE.subn(choose, text)
        if not changed:
            raise TrainingRefused(f"A brace stands alone in {text!r}.")
    return text


class _Bank:
    def __init__(
        self, bank: _Table, split: Split, tables: tuple[_Table, _Table], rng: random.Random, draws: int
    ) -> None:
        self.bank, self.split, self.rng = bank, split, rng
        self.slots, self.frames = tables
        self.draws = max(1, round(draws * bank.get("weight", 1.0)))
        labels = bank.get("labels", [])
        known = {label: 1.0 if label in labels else 0.0 for label in LABELS}
        self.target = target(known | dict.fromkeys(bank.get("maybe", []), UNKNOWN))
        self.innocent = "slice" in bank or not labels

    def examples(self) -> Iterator[Example]:
        seen: set[str] = set()
        for text, wanted, slice_, line in self._texts():
            # What is taught may come twice, since noise makes it differ; what is measured may not.
            if self.split == "taught" or text not in seen:
                seen.add(text)
                yield Example(text, wanted, "generated", self.bank["family"], self.split, slice_, line)

    def _texts(self) -> Iterator[tuple[str, tuple[float, ...], str, str]]:
        slice_ = self.bank.get("slice", "twins of harmful requests" if self.innocent else "")
        for line in self.bank.get("says", []):
            for _ in range(self._draws(line)):
                yield self._fill(line), self.target, slice_, line
        for goal in self.bank.get("goals", []):
            draws = self._draws(goal)
            for _ in range(draws):
                yield self._framed("ask", goal), self.target, slice_, goal
            for _ in range(self._share(ANSWERED * draws)):
                yield self._framed("answers", goal), self.target, slice_, goal
            for kind, share, its_slice in (("refusals", REFUSED, REFUSAL_SLICE), ("about", SPOKEN_OF, ABOUT_SLICE)):
                for _ in range(self._share(share * draws)):
                    yield self._framed(kind, goal), target({}, 0.0), slice_ or its_slice, goal

    def _draws(self, line: str) -> int:
        """More of a line that says more."""
        variants = math.prod(match[1].count("|") + 1 for match in _CHOICE.finditer(line))
        return int(self.draws * min(4.0, float(variants) ** 0.25))

    def _share(self, share: float) -> int:
        """A whole number, one more by chance for what is left over."""
        return int(share) + (self.rng.random() < share % 1)

    def _framed(self, kind: str, goal: str) -> str:
        # Held-out goals are asked for in frames of both kinds.
        split = self.split if self.split == "taught" or self.rng.random() < 0.5 else "taught"
        return self._fill(self.rng.choice(self.frames[kind][split]).replace("{goal}", goal))

    def _fill(self, text: str) -> str:
        return " ".join(fill(text, self.slots, self.rng).split())


def around(folder: Path = FOLDER) -> Mapping[str, Sequence[str]]:
    """What people put before and after what they say."""
    found: Mapping[str, Sequence[str]] = _load(folder)[1]["around"]
    return found
