"""What to ask people about next: the score of each turn and of questions like it, with its parts. Needs no torch.

A lap writes the scores into its run folder; the server reads the newest. A question that nobody scored has the mean of
those most like it. Of the questions themselves only hashed words are kept, so the file holds nobody's text.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from learner.progress import read_json, write_json
from learner.tfidf import Tfidf

FILE = "priorities.json"
NEIGHBOURS = 5
ALIKE = 0.2  # cosine from which a scored question says something of another
WEIGHTS: Mapping[str, float] = {
    "value": 0.4, "margin": 0.2, "uncertainty": 0.1, "disagreement": 0.1, "traffic": 0.2,
}  # fmt: skip
_SAID: Mapping[str, str] = {
    "value": "a label tells much that is not known yet",
    "margin": "two answers about equally good, as far as is known",
    "uncertainty": "the model was not sure of its words",
    "disagreement": "champion and challenger disagree",
    "traffic": "asked often",
}
HIGH = 0.75  # a part that is worth telling


@dataclass(frozen=True)
class Parts:
    """What the score is made of, each a rank in [0, 1] among the turns that were scored; None where not measured.

    value: expected gain of information of a label. margin: how near the reward model finds two answers. uncertainty:
    minus log p per token of the answer. disagreement: how far champion and challenger differ on it. traffic: how often
    such a question is asked.
    """

    value: float | None = None
    margin: float | None = None
    uncertainty: float | None = None
    disagreement: float | None = None
    traffic: float | None = None

    @property
    def score(self) -> float:
        """The weighted mean of the parts that are known; 0 where none is."""
        known = [(WEIGHTS[name], part) for name, part in self.known().items()]
        return sum(weight * part for weight, part in known) / sum(weight for weight, _ in known) if known else 0.0

    @property
    def reason(self) -> str:
        """The parts that make it high, in words."""
        high = sorted((-part * WEIGHTS[name], name) for name, part in self.known().items() if part >= HIGH)
        return "; ".join(_SAID[name] for _, name in high[:2])

    def known(self) -> dict[str, float]:
        """The parts that were measured, by name."""
        return {name: part for name, part in asdict(self).items() if part is not None}


@dataclass(frozen=True)
class Scored:
    """A turn, its parts, and its question in hashed words."""

    turn_id: str
    parts: Parts
    words: Mapping[int, float]


class Priorities:
    """The scores of one lap, by turn and by likeness of questions."""

    def __init__(self, scored: Sequence[Scored] = (), idf: Mapping[int, float] | None = None) -> None:
        self._by_turn = {one.turn_id: one.parts for one in scored}
        self._scores = [one.parts.score for one in scored]
        self._sorted = sorted(self._scores)
        self._tfidf = _tfidf(idf or {}, len(scored))
        self._with_word: defaultdict[int, list[tuple[int, float]]] = defaultdict(list)
        for place, one in enumerate(scored):
            for word, value in one.words.items():
                self._with_word[word].append((place, value))

    def __len__(self) -> int:
        return len(self._scores)

    def of_turn(self, turn_id: str) -> Parts | None:
        """The parts of a turn that was scored."""
        return self._by_turn.get(turn_id)

    def of_question(self, text: str) -> float | None:
        """The rank in [0, 1] of what a label on an answer to it is worth; None where nothing like it was scored."""
        alike: defaultdict[int, float] = defaultdict(float)
        for word, value in self._tfidf.vector(text).items():
            for place, other in self._with_word.get(word, ()):
                alike[place] += value * other
        near = sorted(((cosine, place) for place, cosine in alike.items() if cosine >= ALIKE), reverse=True)[
            :NEIGHBOURS
        ]
        if not near:
            return None
        mean = sum(cosine * self._scores[place] for cosine, place in near) / sum(cosine for cosine, _ in near)
        return bisect_left(self._sorted, mean) / len(self._sorted)


def write(folder: Path, turns: Sequence[tuple[str, str, Parts]]) -> None:
    """Write the scores of (turn id, question, parts) into a run's folder."""
    known = Tfidf.of([question for _, question, _ in turns])
    vectors = [known.vector(question) for _, question, _ in turns]
    places = sorted({place for vector in vectors for place in vector})
    write_json(
        folder / FILE,
        {
            "idf": {str(place): round(float(known.idf[place]), 4) for place in places},
            "turns": [
                {
                    "turn_id": turn_id,
                    "score": round(parts.score, 4),
                    "reason": parts.reason,
                    "parts": {name: round(part, 4) for name, part in parts.known().items()},
                    "words": {str(place): round(value, 4) for place, value in vector.items()},
                }
                for (turn_id, _, parts), vector in zip(turns, vectors, strict=True)
            ],
        },
    )


def read(folder: Path) -> Priorities:
    """The scores in a run's folder; none where there is no such file."""
    table: dict[str, Any] | None = read_json(folder / FILE)
    if table is None:
        return Priorities()
    names = {field.name for field in fields(Parts)}
    scored = [
        Scored(
            one["turn_id"],
            Parts(**{name: part for name, part in one["parts"].items() if name in names}),
            {int(place): value for place, value in one["words"].items()},
        )
        for one in table["turns"]
    ]
    return Priorities(scored, {int(place): value for place, value in table["idf"].items()})


class Newest:
    """The scores of the newest lap that wrote any, read again when there are newer ones."""

    def __init__(self, runs: Path) -> None:
        self._runs, self._from, self._read = runs, Path(), Priorities()

    def __call__(self) -> Priorities:
        """The scores now."""
        folder = max((path.parent for path in self._runs.glob(f"*/{FILE}")), default=Path())
        if folder != self._from:
            self._from, self._read = folder, read(folder)
        return self._read


def ranks(values: Sequence[float | None]) -> list[float | None]:
    """Each value's share of the known ones that are not above it, in (0, 1]; None stays."""
    known = sorted(value for value in values if value is not None and math.isfinite(value))
    return [None if value is None else sum(other <= value for other in known) / max(1, len(known)) for value in values]


def _tfidf(idf: Mapping[int, float], texts: int) -> Tfidf:
    made = Tfidf.of([])
    unseen = math.log(1 + texts) + 1
    values = np.full_like(made.idf, unseen)
    for place, value in idf.items():
        values[place] = value
    return Tfidf(values)
