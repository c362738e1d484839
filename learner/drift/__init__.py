"""Whether traffic or answers have moved: over generations, and stretch by stretch."""

from learner.drift.compare import Sample, Test, compare
from learner.drift.monitor import Monitor
from learner.drift.windows import Generation, Window

__all__ = ["Generation", "Monitor", "Sample", "Test", "Window", "compare"]
