"""What can go wrong in `learner`, as one tree. Each message is one sentence that a person can act on.

LearnerError
├── LapRunning             a lap is under way, and only one runs at a time
├── UnknownRun             no run of that id
├── UnknownAdapter         no adapter of that name
├── BadAdapter             an adapter that the engine would refuse, or whose files changed
├── AlreadyChampion        a promotion of the champion
├── BadMove                a move of an adapter that the table of states does not allow
├── Revoked                an adapter that was taken away for good
├── NeverPromoted          a record of a promotion that there was not
├── NotProven              a promotion without a won experiment and without a reason to override
├── NotApproved            a promotion that more people have to approve, or an approval that does not count
├── NoSignal               a promotion on thumbs alone
├── RolloutRunning         a rollout is under way, and it goes on by itself
├── DrillRunning           a drill is under way, or something that a drill would disturb
├── UnknownDrill           no drill of that id
├── BadSteps               steps of a rollout that cannot be
├── ExperimentRunning      an experiment is under way, and only one runs at a time
├── NoExperiment           there is nothing to stop or to promote
├── NothingToRollBackTo    the champion has no predecessor
├── FirewallBroken         feedback of one person would both train a model and judge it
├── BadScores              numbers of an experiment that cannot be
├── BadFile                a file that an operator named and that cannot be used
├── UnknownDataset         no dataset of that id, or several
├── BuildFailed            a dataset could not be built
├── BadImport              a file that cannot be imported
├── UnknownImport          no import of that id
├── UnknownAlarm           no open alarm of that id
├── UnknownGroup           no people or turns are held under that name
├── BadRecipeSetting       a setting of a recipe that there is not, or that cannot be used
├── TrainingFailed         training could not do what was asked
├── MergeFailed            an adapter could not be merged, or the merged file is not the same model
├── BadSuite               a benchmark suite, or a metric of one, that cannot be used
├── EvaluationFailed       a model could not be evaluated
├── JudgeFailed            a judge could not be asked
└── JudgeRefused           a judge that has not shown that it agrees with people
"""

from __future__ import annotations

from collections.abc import Sequence


class LearnerError(Exception):
    """Root of the errors of this package."""


class LapRunning(LearnerError):
    """A lap is under way, and only one runs at a time."""

    def __init__(self, run_id: str) -> None:
        super().__init__(f"The lap {run_id} is running; wait for it to end, then start the next.")
        self.run_id = run_id


class UnknownRun(LearnerError):
    """No run of that id."""

    def __init__(self, run_id: str) -> None:
        super().__init__(f"There is no run {run_id!r}; `./ratchet status` lists the latest.")
        self.run_id = run_id


class UnknownAdapter(LearnerError):
    """No adapter of that name."""

    def __init__(self, adapter: str) -> None:
        super().__init__(f"There is no adapter {adapter!r}; `./ratchet status` names the ones that are live.")
        self.adapter = adapter


class BadAdapter(LearnerError):
    """An adapter that the engine would refuse, or whose files are not those that were registered."""


class AlreadyChampion(LearnerError):
    """A promotion of the champion."""

    def __init__(self, champion: str) -> None:
        super().__init__(f"{champion} is the champion already.")
        self.champion = champion


class NeverPromoted(LearnerError):
    """A record of a promotion that there was not."""

    def __init__(self, adapter: str) -> None:
        super().__init__(
            f"{adapter} was never promoted, so there is no record; `./ratchet card {adapter}` tells of it."
        )
        self.adapter = adapter


class NotProven(LearnerError):
    """A promotion without a won experiment and without a reason to override."""

    def __init__(self, adapter: str) -> None:
        super().__init__(
            f"{adapter} has not won an experiment; wait for one, or give a reason to promote it all the same: "
            f"`./ratchet promote {adapter} --override REASON`."
        )
        self.adapter = adapter


class BadMove(LearnerError):
    """A move of an adapter that the table of states does not allow."""


class Revoked(BadAdapter):
    """An adapter that was taken away for good."""

    def __init__(self, adapter: str, reason: str) -> None:
        super().__init__(f"{adapter} was revoked and can never be served again: {reason}")
        self.adapter = adapter


class NotApproved(LearnerError):
    """A promotion that more people have to approve, or an approval that does not count."""


class NoSignal(LearnerError):
    """A promotion on thumbs alone."""

    def __init__(self, adapter: str, reason: str) -> None:
        super().__init__(
            f"Thumbs never promote alone: {adapter} also needs a side-by-side by reviewers or by a calibrated judge. "
            f"{reason} Or give a reason: `./ratchet promote {adapter} --override REASON`."
        )
        self.adapter = adapter


class RolloutRunning(LearnerError):
    """A rollout is under way, and it goes on by itself."""

    def __init__(self, adapter: str, share: float) -> None:
        super().__init__(
            f"{adapter} is on its way and has {share:.0%} of all people; it goes on by itself. Roll back to end that, "
            f"or give a reason to serve it to everybody now: `./ratchet promote {adapter} --override REASON`."
        )
        self.adapter = adapter


class DrillRunning(LearnerError):
    """A drill is under way, or something that a drill would disturb."""


class UnknownDrill(LearnerError):
    """No drill of that id."""

    def __init__(self, drill_id: str) -> None:
        super().__init__(f"There is no drill {drill_id!r} under way; `./ratchet drill rollback` starts one.")
        self.drill_id = drill_id


class BadSteps(LearnerError):
    """Steps of a rollout that cannot be."""


class ExperimentRunning(LearnerError):
    """An experiment is under way, and only one runs at a time."""

    def __init__(self, experiment_id: str) -> None:
        super().__init__(f"The experiment {experiment_id} is running; stop it before you start another.")
        self.experiment_id = experiment_id


class NoExperiment(LearnerError):
    """There is nothing to stop or to promote."""


class NothingToRollBackTo(LearnerError):
    """The champion has no predecessor."""

    def __init__(self, champion: str) -> None:
        super().__init__(f"{champion} was the first champion; there is nothing before it to roll back to.")
        self.champion = champion


class FirewallBroken(LearnerError):
    """Feedback of one person would both train a model and judge it."""


class BadScores(LearnerError, ValueError):
    """Numbers of an experiment that cannot be, such as more wins than comparisons."""


class BadFile(LearnerError):
    """A file that an operator named and that cannot be used."""


class UnknownDataset(LearnerError):
    """No dataset of that id, or several whose ids begin so."""

    def __init__(self, dataset: str, found: Sequence[str] = ()) -> None:
        several = f"{len(found)} datasets begin with {dataset!r}" if found else f"There is no dataset {dataset!r}"
        super().__init__(f"{several}; `./ratchet dataset list` lists them.")
        self.dataset = dataset


class BuildFailed(LearnerError):
    """A dataset could not be built."""


class BadImport(LearnerError):
    """A file that cannot be imported."""


class UnknownImport(LearnerError):
    """No import of that id."""

    def __init__(self, import_id: str) -> None:
        super().__init__(
            f"There is no import {import_id!r}, or it was taken back; `./ratchet import --list` lists them."
        )
        self.import_id = import_id


class UnknownAlarm(LearnerError):
    """No open alarm of that id."""

    def __init__(self, alarm_id: str) -> None:
        super().__init__(f"There is no open alarm {alarm_id!r}; `./ratchet drift` lists them.")
        self.alarm_id = alarm_id


class UnknownGroup(LearnerError):
    """No people or turns are held under that name."""

    def __init__(self, group: str) -> None:
        super().__init__(f"There is no group {group!r} in the quarantine; GET /v1/quarantine lists them.")
        self.group = group


class BadRecipeSetting(LearnerError):
    """A setting of a recipe that there is not, or that cannot be used."""


class BadExperimentSetting(LearnerError):
    """A setting of experiments that cannot be used."""


class TrainingFailed(LearnerError):
    """Training could not do what was asked."""


class MergeFailed(LearnerError):
    """An adapter could not be merged, or the merged file is not the same model."""


class BadSuite(LearnerError):
    """A benchmark suite, or a metric of one, that cannot be used."""


class EvaluationFailed(LearnerError):
    """A model could not be evaluated."""


class JudgeFailed(LearnerError):
    """A judge could not be asked."""


class JudgeRefused(LearnerError):
    """A judge that has not shown that it agrees with people."""
