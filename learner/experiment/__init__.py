"""The honest experiment: who sees which arm, and what their votes prove."""

from learner.experiment.allocate import Allotted, allot, top_two
from learner.experiment.assign import Assignments, Running
from learner.experiment.balance import Balance, balance, ln_e_split
from learner.experiment.cuped import Paired, adjusted, paired
from learner.experiment.decide import Decision, decide, decide_difference, decide_one, half_width
from learner.experiment.exact import Wins, ln_e_two_by_two, ln_e_wins, wins
from learner.experiment.forecast import Need, Traffic, chance_to_decide, need, needed
from learner.experiment.guardrails import Guarded, Guardrail, guardrails, watch
from learner.experiment.judge import Evidence, Judgement, alpha_of, judge, look
from learner.experiment.plan import Plan, thompson
from learner.experiment.preview import Estimate, Preview, preview
from learner.experiment.route import Arm, Met, Route, RoutingState, held_back, route, salt_of
from learner.experiment.spending import Spent, spend
from learner.experiment.strata import Difference, split_by, within

__all__ = [
    "Allotted",
    "Arm",
    "Assignments",
    "Balance",
    "Decision",
    "Difference",
    "Estimate",
    "Evidence",
    "Guarded",
    "Guardrail",
    "Judgement",
    "Met",
    "Need",
    "Paired",
    "Plan",
    "Preview",
    "Route",
    "RoutingState",
    "Running",
    "Spent",
    "Traffic",
    "Wins",
    "adjusted",
    "allot",
    "alpha_of",
    "balance",
    "chance_to_decide",
    "decide",
    "decide_difference",
    "decide_one",
    "guardrails",
    "half_width",
    "held_back",
    "judge",
    "ln_e_split",
    "ln_e_two_by_two",
    "ln_e_wins",
    "look",
    "need",
    "needed",
    "paired",
    "preview",
    "route",
    "salt_of",
    "spend",
    "split_by",
    "thompson",
    "top_two",
    "watch",
    "wins",
    "within",
]
