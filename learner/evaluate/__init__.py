"""How good a model is: benchmark suites, metrics, and whether a challenger is no worse than the champion.

What answers and what scores is a child process (`python -m learner.evaluate FOLDER`); this door is light.
"""

from learner.evaluate.comparison import Difference, NonInferiority, non_inferior, none_lost
from learner.evaluate.intervals import Interval, interval
from learner.evaluate.measure import Measured, Scored, score
from learner.evaluate.metrics import METRICS, Metric, NotMeasured, Tools
from learner.evaluate.row import Answer, Row
from learner.evaluate.scores import Scores, means, ratios
from learner.evaluate.suite import Generation, Suite, load_suite, shipped

__all__ = [
    "METRICS",
    "Answer",
    "Difference",
    "Generation",
    "Interval",
    "Measured",
    "Metric",
    "NonInferiority",
    "NotMeasured",
    "Row",
    "Scored",
    "Scores",
    "Suite",
    "Tools",
    "interval",
    "load_suite",
    "means",
    "non_inferior",
    "none_lost",
    "ratios",
    "score",
    "shipped",
]
