"""The learner beside the server: starts laps by clock and by feedback, and sees experiments to their end."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from apscheduler.schedulers.background import BackgroundScheduler

from analytics import Drill, Experiment, Store, StoreClosed, experiments, queries
from learner.attester import Attester, Rate
from learner.card import Cards
from learner.drift import Monitor
from learner.errors import BadAdapter, BadScores, DrillRunning, ExperimentRunning, LapRunning, NoExperiment
from learner.experiment import Arm, Assignments, Judgement, Plan, look, panel
from learner.model_card import current_card
from learner.promotion import Drills, Policy, Road, Signals
from learner.promotion.policy import no_side_by_side
from learner.promotion.records import Records
from learner.registry import Registry, RolledBack
from learner.runs import Runs
from learner.segmenting import Topics, by_kind
from learner.settings import LearnerSettings, RecipeName
from learner.side_by_side import Comparison
from learner.supervisor import Ended, Supervisor

SEGMENTS = 8  # that may make a claim in an experiment
SEGMENT_DAYS = timedelta(days=30)
DRIFT_SECONDS = 60.0  # between two looks for windows of traffic that are over
WATCH_SECONDS = 5.0  # between two looks at the clock and at the feedback
log = logging.getLogger(__name__)


class Learner:
    """What is served comes from `registry`; `load(name, folder)` and `unload(name)` tell the engine.

    `signals` says what stands beside the votes, `may_approve` whose approval counts; `now` is the clock.

    `load` raises BadAdapter for an adapter that the engine refuses, and anything else for what may work later.
    `model` is a folder or a Hub id, `base` its name, `groups` the percentages of learn, decide and holdout. `engine`
    gives the url, key and model of what a lap may roll out with, or None. `rate(name, rows)` has the engine say how
    likely each token of the rows' completions is under an adapter that it holds; without it nothing is attested.
    """

    def __init__(
        self,
        store: Store,
        registry: Registry,
        *,
        home: Path,
        model: str,
        base: str,
        settings: LearnerSettings,
        groups: tuple[int, int, int],
        load: Callable[[str, Path], None],
        unload: Callable[[str], None],
        engine: Callable[[], Mapping[str, str] | None] = lambda: None,
        signals: Signals = no_side_by_side,
        may_approve: Callable[[str], bool] = lambda person: True,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        rate: Rate | None = None,
    ) -> None:
        self._store, self.registry, self.settings = store, registry, settings
        self._load, self._unload = load, unload
        self._attester = None if rate is None else Attester(store, registry, settings.lap(), rate)
        self.policy = Policy(store, registry, settings, signals, may_approve)
        self.road, self.drills = Road(store, registry, settings, self.policy, now), Drills(store, registry)
        self.assignments = Assignments(store, registry)
        self._topics = Topics(store, home)
        registry.segments.tell(by_kind(settings.segments, self._topics))
        self._runs = Runs(store, home)
        self.records = Records(store, registry, home)
        registry.on_move = self.records.keep
        self.drift = Monitor(store, registry, settings)
        self._supervisor = Supervisor(
            store,
            registry,
            self._runs,
            model=model,
            base=base,
            settings=settings.lap(),
            groups=groups,
            engine=engine,
        )
        self._scheduler = BackgroundScheduler(timezone=UTC, job_defaults={"misfire_grace_time": None, "coalesce": True})
        self._moving = threading.RLock()
        self._loaded: set[str] = set()
        self._abandoned = self._runs.abandon_dead()

    def start(self) -> None:
        """Begin to watch the clock, the feedback and the experiment."""
        settings = self.settings
        self.drills.abandon_old(longest=timedelta(0))  # one that the server before did not see to its end
        self._ready()
        self.records.keep()  # that of a promotion after which the server was killed
        if settings.learn_every_hours > 0:
            self._scheduler.add_job(_until_closed(self._lap_by_clock), "interval", seconds=WATCH_SECONDS)
        if settings.learn_after_feedback > 0:
            self._scheduler.add_job(_until_closed(self._lap_after_feedback), "interval", seconds=WATCH_SECONDS)
        self._scheduler.add_job(_until_closed(self._glance), "interval", seconds=settings.experiment_look_seconds)
        if self.drift.on:
            self._scheduler.add_job(_until_closed(self._drift), "interval", seconds=DRIFT_SECONDS)
        self._scheduler.start()

    def close(self) -> None:
        """Stop watching and end a lap that is under way."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)
        self._supervisor.close()

    def learn(self, trigger: str = "operator", recipe: RecipeName | None = None) -> str:
        """Start a lap now, by `recipe` instead of that of the settings; returns the run's id. Raises LapRunning."""
        return self._supervisor.start(trigger, self._after_lap, recipe)

    def self_review(self, count: int) -> str:
        """Have the model read `count` past answers again now, and return the run's id. Raises LapRunning."""
        return self._supervisor.start("self-review", self._after_lap, review_only=count)

    @property
    def lap_running(self) -> bool:
        """Whether a lap is under way."""
        return self._supervisor.running

    def compare(self, comparison: Comparison) -> str:
        """Have two adapters answer the same prompts now, and return the run's id. Raises LapRunning, BadAdapter."""
        for adapter in (comparison.challenger, comparison.champion):
            self.registry.arm(adapter)
        return self._supervisor.start("side-by-side", self._after_lap, comparison=comparison)

    def wait(self, timeout: float | None = None) -> None:
        """Wait until no lap is under way, for at most `timeout` seconds."""
        self._supervisor.join(timeout)

    def run(self, run_id: str) -> dict[str, Any]:
        """One run with its progress, its gates and its end. Raises UnknownRun."""
        return self._runs.view(run_id)

    def runs(self, limit: int = 10) -> list[dict[str, Any]]:
        """The newest runs first."""
        return self._runs.latest(limit)

    def model_card(self, adapter: str) -> str:
        """An adapter's model card, with what became of it by now, as Markdown. Raises UnknownAdapter."""
        return current_card(self._store, self.registry, adapter)

    def card(self, adapter: str) -> dict[str, Any]:
        """All that is known of an adapter. Raises UnknownAdapter."""
        return Cards(self._store, self.registry, self._runs).card(adapter)

    def look(self) -> Judgement | None:
        """Judge the running experiment by the votes so far; end it, and promote its winner, when it is decided.

        One whose split of people is off, or that breaches a guardrail, is stopped for that reason.
        """
        with self._moving:
            experiment_id = self.registry.state().experiment_id
            if experiment_id is None:
                return None
            row = self.registry.experiment(experiment_id)
            judgement, over = self._found(row), row["state"] != "running"
            if self.registry.state().rollout:
                if self.road.advance():
                    self._tidy()
                return judgement
            promotes = judgement.outcome == "won" and self.policy.waits(str(row["challenger"])) is None
            if judgement.outcome == "running" or (over and not promotes):
                return judgement
            if not over:
                self.registry.finish_experiment(judgement)
            # A winner stays in the routing until it is promoted, stopped or rolled back: after a crash it still waits.
            if promotes:
                self.road.set_out(judgement.reason)
            self._tidy()
            return judgement

    def watch(self) -> None:
        """Bring the champion before back when the holdback shows that the present one harms."""
        with self._moving:
            if self.road.watch() or self.drills.abandon_old():
                self._tidy()

    def approval(self) -> str | None:
        """Why a person has to promote the live challenger, whatever `promotion` says; None where nobody has to."""
        challenger = self.registry.state().challenger
        return None if challenger is None else self.policy.why_a_person(challenger.adapter)

    def null_experiment(self, actor: str) -> str:
        """Send a byte copy of the champion through an experiment, which should promote nothing; returns its id.

        Raises ExperimentRunning.
        """
        with self._moving:
            self._no_drill()
            if (running := self.registry.state().experiment_id) is not None:
                raise ExperimentRunning(running)
            adapter = self.registry.copy_of_champion(actor)
            return self._challenge(adapter, actor, sworn=False)  # people meet the same weights already

    def stop_experiment(self, actor: str, reason: str) -> None:
        """Stop the running experiment; everybody is served the champion again. Raises NoExperiment."""
        with self._moving:
            self.registry.stop_experiment(actor, reason, self._so_far())
            self._tidy()

    def promote(self, adapter: str | None, actor: str, override: str | None = None, person: str | None = None) -> str:
        """Promote `adapter`, or the proven challenger, which may begin its rollout; returns the champion.

        One that won in segments alone is promoted only there, and returned with them. `person` is who the actor is, by
        whichever key. Raises NotProven, NotApproved, NoSignal, NoExperiment, RolloutRunning, UnknownAdapter.
        """
        with self._moving:
            self._no_drill()
            challenger, segments = self.registry.state().challenger, self.registry.won_in()
            if adapter is not None:
                self._hold_attested(adapter, sworn=False)
            self.road.promote(adapter, actor, person or actor, override, self._so_far())
            self._tidy()
            if segments and challenger is not None and not override:
                return f"{challenger.adapter} ({', '.join(segments)})"
            return self.registry.state().champion.adapter

    def approve(self, adapter: str, person: str, name: str, reason: str = "") -> None:
        """Approve of an adapter; where it was the last thing that a winner waited for, it sets out at once."""
        with self._moving:
            self.policy.approve(adapter, person, name, reason)
            self.look()

    def revoke(self, adapter: str, actor: str, reason: str) -> str:
        """Take an adapter away for good, from whatever it is part of; returns the champion.

        Raises UnknownAdapter, and BadMove for the base, for one that is revoked and without a reason.
        """
        with self._moving:
            self.registry.revoke(adapter, reason, actor)
            self._tidy()
            return self.registry.state().champion.adapter

    def begin_drill(self, actor: str) -> Drill:
        """Make a copy of the champion for a drill, and have the engine hold it. Raises DrillRunning, BadAdapter."""
        with self._moving:
            drill = self.drills.begin(actor)
            self.hold(drill.adapter)
            return drill

    def end_drill(self, drill_id: str, actor: str, detail: Mapping[str, Any], passed: bool, reason: str) -> Drill:
        """Record a drill; the champion of before is served again. Raises UnknownDrill."""
        with self._moving:
            drill = self.drills.end(drill_id, actor, detail, passed, reason)
            self._tidy()
            return drill

    def _no_drill(self) -> None:
        if (drill := self.drills.under_way()) is not None:
            raise DrillRunning(f"{drill.drill_id} is under way and ends in a moment; wait for it.")

    def rollback(self, actor: str, reason: str = "asked for by an operator") -> RolledBack:
        """Bring the last champion back; it is still loaded. Raises NothingToRollBackTo."""
        rolled_back = self.registry.rollback(actor, reason, self._so_far())
        self._hold_live()
        return rolled_back

    def do_without(self, adapter: str, reason: str) -> None:
        """Serve what is live without `adapter`; in place of a champion the one before it."""
        with self._moving:
            self.registry.do_without(adapter, reason)
            try:
                self._tidy()
            except StoreClosed:
                raise
            except Exception as error:  # an engine that is down is told when it starts again
                log.warning("The engine could not be told to do without %s: %r", adapter, error)

    def held_still(self, ends: Callable[[Path], bool], reason: str) -> contextlib.AbstractContextManager[None]:
        """No lap begins while this lasts, and the one under way is ended where `ends` says so of its folder."""
        return self._supervisor.held_still(ends, reason)

    def also(self, job: Callable[[], None], seconds: float) -> None:
        """Do the job every so many seconds as well, while the learner watches."""
        self._scheduler.add_job(_until_closed(job), "interval", seconds=seconds)

    def status(self) -> dict[str, Any]:
        """The champion, the challenger, the experiment (the last one if none runs) and the newest runs.

        `segments` has the champions of segments that have one of their own.

        `warning` says what cannot be served any more and why, and is None when all is well; `approval` why a person has
        to promote the challenger, and is None where `promotion` decides.
        """
        state = self.registry.state()
        return {
            "champion": state.champion.adapter,
            "challenger": state.challenger.adapter if state.challenger else None,
            "segments": {
                name: arm.adapter for name, arm in self.registry.segments.under(state.champion.adapter).items()
            },
            "warning": self.registry.warning(),
            "approval": self.approval(),
            "experiment": self._experiment(),
            **self.road.status(),
            "drill": next(iter(self.drills.all(1)), None),
            "runs": self.runs(),
        }

    def preview(self, adapter: str | None = None, share: float | None = None) -> dict[str, Any]:
        """What another routing of the newest experiment would have come to. Raises BadScores, NoExperiment."""
        row = self._newest_experiment()
        if row is None:
            raise NoExperiment("There has been no experiment whose log could tell of another routing.")
        arms = {row["champion"]: 0.0, row["challenger"]: 1.0}
        if adapter is not None and adapter not in arms:
            raise BadScores(
                f"Nobody was served by {adapter} in {row['experiment_id']}; its arms are {', '.join(arms)}."
            )
        wanted = share if adapter is None else arms[adapter]
        return panel.previewed(self._store, row["experiment_id"], 1.0 if wanted is None else wanted)

    def _experiment(self) -> dict[str, Any] | None:
        row = self._newest_experiment()
        return None if row is None else panel.told(self._store, row, self._found(row), self.settings, self.assignments)

    def _newest_experiment(self) -> dict[str, Any] | None:
        # One that another model left running is not run under this one; what it ended since does not hide the live one.
        sql = f"SELECT * FROM {Experiment.table} WHERE state <> 'running' OR experiment_id = $live"
        live = self.registry.state().experiment_id or ""
        rows = self._store.rows(f"{sql} ORDER BY experiment_id = $live DESC, rowid DESC LIMIT 1", {"live": live})
        return rows[0] if rows else None

    def _found(self, row: Mapping[str, Any]) -> Judgement:
        """What the experiment came to when it ended, or what the votes say of it so far."""
        if row["state"] != "running" and row["detail"]:
            return Judgement(**row["detail"])
        return look(self._store, str(row["experiment_id"]), self.settings)

    def _so_far(self) -> Judgement | None:
        """What to record of the live experiment, should it be stopped now."""
        experiment_id = self.registry.state().experiment_id
        return None if experiment_id is None else self._found(self.registry.experiment(experiment_id))

    def _drift(self) -> None:
        try:
            self.drift.look()
        except StoreClosed:
            raise
        except Exception as error:  # the chat goes on whether or not somebody watches it
            log.warning("The traffic could not be looked at for drift: %r", error)

    def _lap_by_clock(self) -> None:
        # Asked of the store at every look: a start of the server moves no due time, and a lap for another reason does.
        since = self._runs.last_start() or queries.first_turn(self._store)
        if since is not None and datetime.now(UTC) - since >= timedelta(hours=self.settings.learn_every_hours):
            self._try_lap("clock")

    def _lap_after_feedback(self) -> None:
        new = queries.new_usable_feedback(self._store, self._runs.last_start())
        if new >= self.settings.learn_after_feedback:
            self._try_lap("feedback")

    def _try_lap(self, trigger: str) -> None:
        with contextlib.suppress(LapRunning):
            self.learn(trigger)

    def _after_lap(self, ended: Ended) -> None:
        if ended.adapter is not None:
            self._glance()

    def _glance(self) -> None:
        """Look at the experiment, or start the one that is waiting. What fails is tried again at the next glance."""
        try:
            self._ready()
            self.look()
            self.watch()
            self.assignments.look()
            with self._moving:
                busy = self.registry.state().experiment_id is not None or self.drills.under_way() is not None
                waiting = None if busy else self.registry.pending()
                if waiting is not None:
                    self._challenge_or_reject(waiting)
        except StoreClosed:
            raise
        except Exception as error:  # whatever went wrong, among it an engine that is down
            log.warning("The experiment could not be looked after: %r", error)

    def _challenge_or_reject(self, adapter: str) -> None:
        try:
            self._challenge(adapter, "learner")
        except BadAdapter as error:
            log.warning("%s", error)
            self.registry.reject(adapter, str(error))

    def _challenge(self, adapter: str, actor: str, *, sworn: bool = True) -> str:
        self._hold_attested(adapter, sworn=sworn)
        since = datetime.now(UTC) - SEGMENT_DAYS
        segments = experiments.common_segments(self._store, SEGMENTS, since) if self.settings.segments else []
        plan = Plan.of(self.settings, self.settings.experiment_share, tuple(segments))
        experiment_id = self.registry.start_experiment(adapter, plan.shares[-1], actor, plan.to_values())
        self._hold_live()
        self._ready()
        return experiment_id

    def _ready(self) -> None:
        """Read what turns are routed by, so that no turn has to wait for it."""
        if self.settings.segments == "topic":
            self._topics.prepare()
        self.assignments.running()

    def _hold_attested(self, adapter: str, *, sworn: bool) -> None:
        """Have the engine hold `adapter`, and show that it applies it; `sworn` ones must have an attestation.

        Raises UnknownAdapter, and BadAdapter for one that is not served as it was trained; the engine lets go of it.
        """
        self.hold(adapter)
        try:
            if self._attester is not None:
                self._attester.attest(adapter, sworn=sworn)
        except BadAdapter:
            self._tidy()
            raise

    def hold(self, adapter: str) -> Arm:
        """Have the engine hold `adapter`, live or not, and return it as an arm. Raises UnknownAdapter, BadAdapter."""
        arm, folder = self.registry.arm(adapter), self.registry.folder(adapter)
        if folder is not None:
            self._hold(adapter, folder)
        return arm

    def _hold(self, adapter: str, folder: Path) -> None:
        self._load(adapter, folder)
        self._loaded.add(adapter)

    def _hold_live(self) -> None:
        # An engine that was started again holds what was live then; to tell it twice does no harm.
        self.registry.hold_live(self._hold)

    def _tidy(self) -> None:
        """Take adapters from the engine that nobody is routed to any more."""
        self._hold_live()
        live = {name for name, _ in self.registry.live()}
        for name in sorted(self._loaded - live):
            self._unload(name)
            self._loaded.discard(name)


def _until_closed(job: Callable[[], None]) -> Callable[[], None]:
    """A server that stops does not wait for the jobs under way, and closes the store under them."""

    def quietly() -> None:
        with contextlib.suppress(StoreClosed):
            job()

    return quietly
