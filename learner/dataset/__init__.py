"""Datasets: from events to frozen rows that can be trusted, and made again."""

from learner.dataset.pipeline import curate
from learner.dataset.dataset import Dataset

__all__ = ["Dataset", "curate"]
