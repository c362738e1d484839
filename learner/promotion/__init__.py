"""From a won experiment to everybody: who has to agree, the rollout with its re-test, the holdback, and the drill."""

from learner.promotion.drills import Drills
from learner.promotion.lasting import Lasting, look_at_lasting
from learner.promotion.policy import Policy, Signal, Signals
from learner.promotion.road import Road
from learner.promotion.step import Step, judge_step, look_at_step

__all__ = [
    "Drills",
    "Lasting",
    "Policy",
    "Road",
    "Signal",
    "Signals",
    "Step",
    "judge_step",
    "look_at_lasting",
    "look_at_step",
]
