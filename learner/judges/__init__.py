"""AI feedback: judges that say which of two answers is better, once they have been seen to agree with people."""

from learner.judges.cache import Cache
from learner.judges.calibration import Calibration, calibrate
from learner.judges.candidates import Candidate, unrated_siblings
from learner.judges.judge import Case, Cost, Judge, Verdict
from learner.judges.labels import Labels, label
from learner.judges.model import JudgeServer, ModelJudge
from learner.judges.rubric import Rubric, load_rubric

__all__ = [
    "Cache",
    "Calibration",
    "Candidate",
    "Case",
    "Cost",
    "Judge",
    "JudgeServer",
    "Labels",
    "ModelJudge",
    "Rubric",
    "Verdict",
    "calibrate",
    "label",
    "load_rubric",
    "unrated_siblings",
]
