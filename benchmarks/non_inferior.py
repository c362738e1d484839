"""What the comparison of evaluations promises: how often one passes that lost the margin, and one that did not.

Both models answer the same questions rightly or wrongly, and agree by chance in six of ten besides.
Run as: ./ratchet bench non_inferior --json
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray

from benchmarks import tell
from learner.evaluate import non_inferior

SHARED = 0.6  # of the rows, on which both models meet the same luck


@dataclass(frozen=True)
class Case:
    """`people` with `each` rows; of one person's rows the intra-class correlation is `icc`."""

    name: str
    people: int
    right: float
    loss: float
    margin: float
    each: int = 1
    icc: float = 0.0


CASES = (
    Case("lost the margin: 300 rows, .99, margin .10", 300, 0.99, 0.1, 0.1),
    Case("lost the margin: 300 rows, .95, margin .05", 300, 0.95, 0.05, 0.05),
    Case("lost the margin: 40 people of 10 rows, ICC .5, .70, margin .10", 40, 0.7, 0.1, 0.1, 10, 0.5),
    Case("lost nothing: 30 rows, .90, margin .10", 30, 0.9, 0.0, 0.1),
    Case("lost nothing: 100 rows, .90, margin .10", 100, 0.9, 0.0, 0.1),
)


def main(
    trials: Annotated[int, typer.Option(min=1, help="Comparisons of each case.")] = 4000,
    seed: Annotated[int, typer.Option(help="Draws the answers.")] = 0,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Draw both models' answers anew, and count who passes."""
    rng = np.random.default_rng(seed)
    tell({case.name: round(sum(_passes(case, rng) for _ in range(trials)) / trials, 4) for case in CASES}, json)


def _passes(case: Case, rng: np.random.Generator) -> bool:
    rows = case.people * case.each
    luck = rng.random(rows)
    others = np.where(rng.random(rows) < SHARED, luck, rng.random(rows))
    champion = luck < _rates(case, case.right, rng)
    challenger = others < _rates(case, case.right - case.loss, rng)
    clusters = [str(row // case.each) for row in range(rows)] if case.each > 1 else None
    return non_inferior(challenger.astype(np.float64), champion.astype(np.float64), clusters, margin=case.margin).passed


def _rates(case: Case, right: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """How likely each row is answered rightly, shape (rows,)."""
    if case.icc == 0:
        return np.full(case.people * case.each, right)
    spread = (1 - case.icc) / case.icc
    return np.repeat(rng.beta(right * spread, (1 - right) * spread, case.people), case.each)


if __name__ == "__main__":
    typer.run(main)
