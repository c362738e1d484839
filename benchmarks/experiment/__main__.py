"""False wins and users to decide, ours beside other rules. Run as: ./ratchet bench experiment --json"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from benchmarks.experiment import power
from benchmarks.experiment.measure import measure
from benchmarks.experiment.picture import picture
from benchmarks.experiment.show import show


def main(
    users: Annotated[int, typer.Option(min=100, help="Users of both arms in experiments without an effect.")] = 10_000,
    n_star: Annotated[float, typer.Option(min=1, help="n_star of the rule in them.")] = round(power.tuned(0.05)),
    repeats: Annotated[int, typer.Option(min=100, help="Experiments in each cell.")] = 2000,
    seed: Annotated[int, typer.Option(help="The same seed, the same figures.")] = 1,
    processes: Annotated[int, typer.Option(min=1, help="Processes at once.")] = min(2, os.cpu_count() or 1),
    png: Annotated[Path | None, typer.Option(help="Draw the figures to this file.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, last.")] = False,
) -> None:
    """Simulate experiments: false winners when looking after every vote, users to a decision, what is saved."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):  # of the processes to come
        os.environ.setdefault(name, "1")
    result = measure(users, n_star, repeats, seed, processes)
    if png is not None:
        picture(result, png)
    if as_json:
        print(json.dumps(result))
    else:
        show(result, Console())


if __name__ == "__main__":
    typer.run(main)
