"""Answers of two adapters to the same prompts, for people who do not see which is whose.

`run` samples the models, so only a lap imports it.
"""

from learner.side_by_side.comparison import FILE, Comparison, events

__all__ = ["FILE", "Comparison", "events"]
