"""More lessons from those there are, each way a named step that an operator turns on: none is on by default.

A step is given lessons, settings and a seed and gives lessons and a report. It makes rows from what people gave, never
from what another step made, so their order changes nothing. docs/learning.md has the measured effect of each.
"""

from __future__ import annotations

from collections.abc import Mapping

from learner.augment.back_translation import translated
from learner.augment.counterfactual import swapped
from learner.augment.insertion import inserted
from learner.augment.paraphrase import paraphrased
from learner.augment.reweighting import reweighted
from learner.augment.step import Added, Augmented, Step
from learner.augment.synonyms import replaced
from learner.augment.typos import slipped
from learner.augment.weak_spots import Measured, resampled, write_measured
from learner.errors import BadFile
from learner.lessons import Lessons
from learner.settings import LapSettings

__all__ = ["STEPS", "Added", "Augmented", "Measured", "augment", "named", "write_measured"]

STEPS: Mapping[str, Step] = {
    "synonyms": replaced,
    "insertion": inserted,
    "typos": slipped,
    "counterfactual": swapped,
    "reweighting": reweighted,
    "weak-spots": resampled,
    "back-translation": translated,
    "paraphrase": paraphrased,
}


def named(names: str) -> list[str]:
    """The steps in a list of names with commas between them. Raises BadFile for one that is not known."""
    chosen = [name.strip() for name in names.split(",") if name.strip()]
    if unknown := [name for name in chosen if name not in STEPS]:
        raise BadFile(f"There is no augmentation {unknown[0]!r}; augment may name {', '.join(STEPS)}.")
    return list(dict.fromkeys(chosen))


def augment(lessons: Lessons, settings: LapSettings) -> tuple[Lessons, list[Added]]:
    """Take every step that `settings.augment` names, and report on each. Raises BadFile."""
    reports: list[Added] = []
    for name in named(settings.augment):
        lessons, report = STEPS[name](lessons, settings, settings.seed)
        reports.append(report)
    return lessons, reports
