"""Who is served by which arm: a pure function of the person, the experiment and its share."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from learner.people import Group, share_of

ArmName = Literal["champion", "challenger", "previous"]


@dataclass(frozen=True)
class Arm:
    """Weights that can be served: the adapter `name@version` (or `base`) under its name at the engine."""

    adapter: str
    served_name: str
    weights_sha256: str


@dataclass(frozen=True)
class RoutingState:
    """What is live. `share` is the part of the decide group, in [0, 1], that an experiment sends to the challenger.

    `rollout` is the part of all people whom the winner of that experiment is served to on its way to everybody, 0 where
    none is under way. `holdback` is the part who stay on the previous champion, drawn by `holdback_salt`.
    """

    champion: Arm
    previous: Arm | None = None
    challenger: Arm | None = None
    experiment_id: str | None = None
    share: float = 0.0
    rollout: float = 0.0
    holdback: float = 0.0
    holdback_salt: str = ""

    def reach(self, group: Group) -> float:
        """The share of a group that is served the challenger; the decide group keeps at least what it has met."""
        return max(self.rollout, self.share if group == "decide" else 0.0)

    def alone(self) -> RoutingState:
        """The same champion without the challenger and all that belongs to it."""
        return replace(self, challenger=None, experiment_id=None, share=0.0, rollout=0.0)


def salt_of(experiment_id: str) -> str:
    """What the people of an experiment, of its winner's rollout and of the holdback after it are drawn by.

    It is one draw for all three: the challenger takes the people from 0 on up, and the holdback is the last who would
    come to it, so that nobody is moved back when it is promoted.
    """
    return f"experiment-{experiment_id}"


@dataclass(frozen=True)
class Route:
    """Where one turn goes.

    `propensity` is the probability of this arm for this person in the draw that chose it: in an experiment or rollout
    among those who are not held back, else between champion and holdback. None where nothing was drawn. `rollout` says
    that it is a turn of a rollout, whose arms are compared as those of an experiment are. `cohort` says that the person
    is of those who compare, `segment` which one the turn is of, where champions differ.
    """

    arm: ArmName
    adapter: str
    served_name: str
    weights_sha256: str
    experiment_id: str | None = None
    propensity: float | None = None
    rollout: bool = False
    cohort: Literal["compare"] | None = None
    segment: str | None = None


class Met(NamedTuple):
    """What somebody's first turn in the running experiment was logged with."""

    arm: ArmName
    propensity: float


def route(person: str, group: Group, state: RoutingState, met: Met | None = None) -> Route:
    """Choose the arm: the champion for all but the decide group, whose people keep one arm for the whole experiment.

    People of the holdback stay on the previous champion and meet no experiment. In a rollout people of all groups meet
    the challenger, and their turns are no part of the experiment.

    A greater share moves people from champion to challenger and nobody back. While the share is ramped, pass what
    somebody has `met`, and they stay where they are: then a ramp touches new people only. Votes on an arm that was not
    the first one of their person are never counted.
    """
    if held_back(person, state) and state.previous is not None:
        return _to("previous", state.previous, None, state.holdback)
    if state.rollout and state.challenger is not None:
        return _rolled(person, group, state, state.challenger)
    if met is not None and group == "decide" and state.challenger is not None and state.experiment_id is not None:
        arm = state.challenger if met.arm == "challenger" else state.champion
        return _to(met.arm, arm, state.experiment_id, met.propensity)
    if group != "decide" or state.challenger is None or state.experiment_id is None:
        return _to("champion", state.champion, None, 1.0 - state.holdback if state.holdback else None)
    if share_of(person, salt_of(state.experiment_id)) < state.share:
        return _to("challenger", state.challenger, state.experiment_id, state.share)
    return _to("champion", state.champion, state.experiment_id, 1.0 - state.share)


def held_back(person: str, state: RoutingState) -> bool:
    """Whether a person stays on the previous champion."""
    if not state.holdback or state.previous is None:
        return False
    return share_of(person, state.holdback_salt) >= 1.0 - state.holdback


def _rolled(person: str, group: Group, state: RoutingState, challenger: Arm) -> Route:
    reach = state.reach(group)
    if share_of(person, salt_of(str(state.experiment_id))) < reach:
        return replace(_to("challenger", challenger, None, reach), rollout=True)
    return replace(_to("champion", state.champion, None, 1.0 - reach), rollout=True)


def _to(name: ArmName, arm: Arm, experiment_id: str | None = None, propensity: float | None = None) -> Route:
    return Route(name, arm.adapter, arm.served_name, arm.weights_sha256, experiment_id, propensity)
