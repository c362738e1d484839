"""Who is served by which arm: a pure function of the person, the experiment and its share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from learner.people import Group, share_of

ArmName = Literal["champion", "challenger"]


@dataclass(frozen=True)
class Arm:
    """Weights that can be served: the adapter `name@version` (or `base`) under its name at the engine."""

    adapter: str
    served_name: str
    weights_sha256: str


@dataclass(frozen=True)
class RoutingState:
    """What is live. `share` is the part of the decide group, in [0, 1], that an experiment sends to the challenger."""

    champion: Arm
    previous: Arm | None = None
    challenger: Arm | None = None
    experiment_id: str | None = None
    share: float = 0.0


@dataclass(frozen=True)
class Route:
    """Where one turn goes. `propensity` is the probability of this arm for this person; None outside experiments.

    `cohort` says that the person is of those who compare, `segment` which one the turn is of, where champions differ.
    """

    arm: ArmName
    adapter: str
    served_name: str
    weights_sha256: str
    experiment_id: str | None = None
    propensity: float | None = None
    cohort: Literal["compare"] | None = None
    segment: str | None = None


class Met(NamedTuple):
    """What somebody's first turn in the running experiment was logged with."""

    arm: ArmName
    propensity: float


def route(person: str, group: Group, state: RoutingState, met: Met | None = None) -> Route:
    """Choose the arm: the champion for all but the decide group, whose people keep one arm for the whole experiment.

    A greater share moves people from champion to challenger and nobody back. While the share is ramped, pass what
    somebody has `met`, and they stay where they are: then a ramp touches new people only. Votes on an arm that was not
    the first one of their person are never counted.
    """
    if met is not None and group == "decide" and state.challenger is not None and state.experiment_id is not None:
        arm = state.challenger if met.arm == "challenger" else state.champion
        return _to(met.arm, arm, state.experiment_id, met.propensity)
    if group != "decide" or state.challenger is None or state.experiment_id is None:
        return _to("champion", state.champion)
    if share_of(person, f"experiment-{state.experiment_id}") < state.share:
        return _to("challenger", state.challenger, state.experiment_id, state.share)
    return _to("champion", state.champion, state.experiment_id, 1.0 - state.share)


def _to(name: ArmName, arm: Arm, experiment_id: str | None = None, propensity: float | None = None) -> Route:
    return Route(name, arm.adapter, arm.served_name, arm.weights_sha256, experiment_id, propensity)
