"""One build as a command: from a snapshot to a dataset in the same folder. Run as: python -m learner.dataset.build DIR

in    build.json          what to build (`learner.dataset.shelf.Order`)
      events/*.parquet    a snapshot of the store
out   the files of the dataset, and built.json: its id, or what was wrong
exit  0, and 1 where built.json says what was wrong
"""

from __future__ import annotations

import sys
import time
from datetime import datetime
from pathlib import Path

from learner.dataset.pipeline import curate
from learner.dataset.shelf import RESULT, Order
from learner.errors import LearnerError
from learner.process import bind_to_parent
from learner.progress import write_json
from learner.settings import LapSettings


def main(folder: Path) -> int:
    """Build the dataset that `folder` asks for, and return the exit code. Somebody waits for it, unlike for a lap."""
    bind_to_parent()
    order, began = Order.read(folder), time.monotonic()
    settings = LapSettings.from_values(order.settings)
    try:
        dataset = curate(
            folder / "events",
            settings,
            groups=order.groups,
            without=frozenset(order.without),
            model=order.model,
            now=None if order.now is None else datetime.fromisoformat(order.now),
            shelf=Path(order.shelf),
        )
    except LearnerError as error:
        write_json(folder / RESULT, {"error": str(error)})
        return 1
    dataset.write(folder)
    write_json(folder / RESULT, {"id": dataset.id, "seconds": round(time.monotonic() - began, 2)})
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
