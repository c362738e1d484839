"""`curate` and what it makes, under the name by which laps know them; the work is in `learner.dataset`."""

from __future__ import annotations

from learner.dataset.dataset import Dataset
from learner.dataset.pipeline import curate
from learner.pair import Pair

__all__ = ["Dataset", "Pair", "curate"]
