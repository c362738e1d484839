"""The honest experiment: who sees which arm, and what their votes prove."""

from learner.experiment.allocate import Allotted, allot, top_two
from learner.experiment.balance import Balance, balance, ln_e_split
from learner.experiment.cuped import Paired, adjusted, paired
from learner.experiment.decide import Decision, decide, decide_one, half_width
from learner.experiment.exact import Wins, ln_e_two_by_two, ln_e_wins, wins
from learner.experiment.forecast import Need, Traffic, chance_to_decide, need, needed
from learner.experiment.guardrails import Guarded, Guardrail, guardrails, watch
from learner.experiment.judge import Evidence, Judgement, alpha_of, judge, look
from learner.experiment.preview import Estimate, Preview, preview
from learner.experiment.route import Arm, Met, Route, RoutingState, held_back, route, salt_of
from learner.experiment.spending import Spent, spend

__all__ = [
    "Allotted",
    "Arm",
    "Balance",
    "Decision",
    "Estimate",
    "Evidence",
    "Guarded",
    "Guardrail",
    "Judgement",
    "Met",
    "Need",
    "Paired",
    "Preview",
    "Route",
    "RoutingState",
    "Spent",
    "Traffic",
    "Wins",
    "adjusted",
    "allot",
    "alpha_of",
    "balance",
    "chance_to_decide",
    "decide",
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
    "top_two",
    "watch",
    "wins",
]
