"""Examples from files of other projects: read as a stream, told apart by reasons, and kept as events."""

from learner.imports.formats import FORMATS, Format
from learner.imports.made import Left, Made
from learner.imports.survey import Survey, surveyed

__all__ = ["FORMATS", "Format", "Left", "Made", "Survey", "surveyed"]
