"""What is fixed when an experiment begins: who compares, how the share moves, and which segments make claims."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from learner.experiment.allocate import FLOOR, top_two
from learner.people import share_of
from learner.settings import Allocation, LearnerSettings, ramp_of

Kind = Literal["tenant", "language", "topic"]


@dataclass(frozen=True)
class Plan:
    """An experiment's plan; a setting that is changed later touches the next experiment.

    `compare_share` of the decide group is the cohort that compares. `shares` of the others meet the challenger, one
    after the other, each for `batch` people who come new. With `thompson` the last share moves on by the votes.
    `segments` make claims of their own, of this `kind`.
    """

    shares: tuple[float, ...] = (0.5,)
    batch: int = 100
    allocation: Allocation = "fixed"
    compare_share: float = 0.0
    kind: Kind | None = None
    segments: tuple[str, ...] = ()

    @classmethod
    def of(cls, settings: LearnerSettings, share: float, segments: tuple[str, ...] = ()) -> Self:
        """The plan by the settings, of an experiment whose last share is `share`. Raises BadExperimentSetting."""
        ramp = [step for step in ramp_of(settings.experiment_ramp) if step < share]
        return cls(
            shares=(*ramp, share),
            batch=settings.experiment_batch,
            allocation=settings.experiment_allocation,
            compare_share=settings.experiment_compare_share if settings.compare_per_day else 0.0,
            kind=settings.segments or None,
            segments=segments,
        )

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> Self:
        """What `to_values` made; the defaults for what an older experiment did not have."""
        lists: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in values.items()
        }
        return cls(**lists)

    def to_values(self) -> dict[str, Any]:
        """The plan as it is kept with its experiment."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    def compares(self, person: str, experiment_id: str) -> bool:
        """Whether the person is of the cohort that compares: by a hash of its own, for the whole experiment."""
        return share_of(person, f"compare-{experiment_id}") < self.compare_share

    def share(self, met: int) -> float:
        """The challenger's share of whoever comes new after `met` people, by the ramp alone."""
        return self.shares[min(met // self.batch, len(self.shares) - 1)]

    def adapts(self, met: int) -> bool:
        """Whether the share of the next batch may follow the votes: once the ramp is at its end."""
        return self.allocation == "thompson" and met >= self.batch * len(self.shares)


def thompson(champion: NDArray[np.float64], challenger: NDArray[np.float64], *, seed: int) -> float:
    """The challenger's share of the next batch, from mean votes in [0, 1] of the people so far, shape (users,) each.

    Of two arms the top two are always both, and each would get half for ever. So this is Thompson's own rule: an arm
    gets as many as its chance to be the better one, and at least the floor of 10%.
    """
    arms = (champion, challenger)
    n, total = [len(arm) for arm in arms], [float(arm.sum()) for arm in arms]
    return round(float(top_two(n, total, floor=FLOOR, seed=seed, leader=1.0)[1]), 6)
