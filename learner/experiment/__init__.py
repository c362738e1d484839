"""The honest experiment: who sees which arm, and what their votes prove."""

from learner.experiment.decide import Decision, decide
from learner.experiment.judge import Judgement, judge, look
from learner.experiment.route import Arm, Route, RoutingState, route

__all__ = ["Arm", "Decision", "Judgement", "Route", "RoutingState", "decide", "judge", "look", "route"]
