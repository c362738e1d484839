"""How it gets better: curate, train, gate, experiment, promote; the starter; the simulated people."""

from learner.adapter import weights_sha256
from learner.dataset.shelf import Datasets
from learner.errors import (
    AlreadyChampion,
    BadAdapter,
    BadFile,
    BadImport,
    BadMove,
    BadRecipeSetting,
    BadScores,
    BadSteps,
    BuildFailed,
    DrillRunning,
    ExperimentRunning,
    FirewallBroken,
    LapRunning,
    LearnerError,
    MergeFailed,
    NeverPromoted,
    NoExperiment,
    NoSignal,
    NotApproved,
    NothingToRollBackTo,
    NotProven,
    Revoked,
    RolloutRunning,
    TrainingFailed,
    UnknownAdapter,
    UnknownAlarm,
    UnknownDataset,
    UnknownDrill,
    UnknownGroup,
    UnknownImport,
    UnknownRun,
)
from learner.experiment import Arm, Judgement, Route, RoutingState, route
from learner.hardware import bfloat16, fast_bfloat16
from learner.imports.store import Imports
from learner.merge import Canary, Gap, gap
from learner.merges import Merge, Merges
from learner.people import Group, person_group
from learner.ports import free_port
from learner.registry import Registry, RolledBack
from learner.runs import ALIVE, came_to
from learner.scheduler import Learner
from learner.settings import LapSettings, LearnerSettings, RecipeName
from learner.shelf import BASE
from learner.tokens import Encoded
from learner.uses import FrozenPair, Use, Uses, digest

__all__ = [
    "ALIVE",
    "BASE",
    "AlreadyChampion",
    "Arm",
    "BadAdapter",
    "BadFile",
    "BadImport",
    "BadMove",
    "BadRecipeSetting",
    "BadScores",
    "BadSteps",
    "BuildFailed",
    "Canary",
    "Datasets",
    "DrillRunning",
    "Encoded",
    "ExperimentRunning",
    "FirewallBroken",
    "FrozenPair",
    "Gap",
    "Group",
    "Imports",
    "Judgement",
    "LapRunning",
    "LapSettings",
    "Learner",
    "LearnerError",
    "LearnerSettings",
    "Merge",
    "MergeFailed",
    "Merges",
    "NeverPromoted",
    "NoExperiment",
    "NoSignal",
    "NotApproved",
    "NotProven",
    "NothingToRollBackTo",
    "RecipeName",
    "Registry",
    "Revoked",
    "RolledBack",
    "RolloutRunning",
    "Route",
    "RoutingState",
    "TrainingFailed",
    "UnknownAdapter",
    "UnknownAlarm",
    "UnknownDataset",
    "UnknownDrill",
    "UnknownGroup",
    "UnknownImport",
    "UnknownRun",
    "Use",
    "Uses",
    "bfloat16",
    "came_to",
    "digest",
    "fast_bfloat16",
    "free_port",
    "gap",
    "person_group",
    "route",
    "weights_sha256",
]
