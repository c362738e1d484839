"""Datasets: from events to frozen rows that can be trusted, and made again."""

from learner.dataset.dataset import Dataset
from learner.dataset.pipeline import curate

__all__ = ["Dataset", "curate"]
