"""Who is treated worse: an audit of filters and of a model by swapping who speaks, or of whom, and nothing else."""

from safety.bias.audit import Audit, concluded, screen_scorer
from safety.bias.filters import FilterAudit, Scored, Scorer, audit_filters
from safety.bias.gate import MAX_GAP, Rule, Verdict, judge
from safety.bias.model import REFUSAL_WORDS, Answered, Asker, Judge, ModelAudit, audit_model
from safety.bias.page import page
from safety.bias.report import SCHEMA, summary, to_values
from safety.bias.statistics import Comparison, corrected
from safety.bias.suite import Prompt, Question, Suite
from safety.bias.swaps import Counterfactual, Swapper, counterfactuals, mentions

__all__ = [
    "MAX_GAP",
    "REFUSAL_WORDS",
    "SCHEMA",
    "Answered",
    "Asker",
    "Audit",
    "Comparison",
    "Counterfactual",
    "FilterAudit",
    "Judge",
    "ModelAudit",
    "Prompt",
    "Question",
    "Rule",
    "Scored",
    "Scorer",
    "Suite",
    "Swapper",
    "Verdict",
    "audit_filters",
    "audit_model",
    "concluded",
    "corrected",
    "counterfactuals",
    "judge",
    "mentions",
    "page",
    "screen_scorer",
    "summary",
    "to_values",
]
